import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { inject } from 'vitest';
import type { Engine } from '../run/engine.ts';

/** Names that no other test has. */
export interface Names {
  readonly destination: string;
  readonly integration: string;
  readonly sync: string;
}

export function namesOf(engine: Engine, word: string): Names {
  const name = `${word}-${engine.database.slice('test_'.length)}`;
  return { destination: name, integration: name, sync: name };
}

/** Writes a `rowcast.yaml` with one sync, its integration and its destination; answers its path. */
export function writeFile(engine: Engine, names: Names, fields: Record<string, unknown>): string {
  const { host, port, user } = inject('postgres');
  const { database, receiver } = engine;
  const password = { secret: 'source-password' };
  const source = { kind: 'postgres', host, port, database, user, password, tls: 'off' };
  const destination = { kind: 'customerio', url: receiver.url, writeKey: { secret: 'write-key' } };
  const sync = { integration: names.integration, type: 'identify', every: '1 hour', ...fields };
  const path = join(dirname(engine.storage), `${names.sync}.yaml`);
  writeFileSync(
    path,
    stringify({
      version: 1,
      destinations: { [names.destination]: destination },
      integrations: { [names.integration]: { source, destination: names.destination } },
      syncs: { [names.sync]: sync },
    }),
  );
  return path;
}
