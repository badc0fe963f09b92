import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { connect } from '../../client/index.ts';
import type { Rowcast } from '../../client/index.ts';
import { connectTo } from '../../dev/postgres.ts';
import type { Fault } from '../../dev/receiver/fault.ts';
import { Cleanup, startDemoStack } from '../../dev/demo/stack.ts';
import { findTemporal } from '../../dev/temporal.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** The demo's shop with its syncs, none of which has run, as the documents have it. */
export interface Shop extends AsyncDisposable {
  readonly rowcast: Rowcast;
  readonly sql: pg.Client;
  /** Writes `rowcast.yaml` where commands are run. @param change of the demo's own file */
  write(change?: (yaml: string) => string): Promise<void>;
  misbehave(...faults: Fault[]): Promise<void>;
  /** What a command of a document prints, on either stream. A run in it stands for the newest of its sync. */
  print(command: string): Promise<string>;
}

export async function openShop(): Promise<Shop> {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-docs-'));
  const cleanup = new Cleanup();
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  const stack = await startDemoStack(folder, '', cleanup);
  const { env } = stack;
  const rowcast = await connect({ env });
  cleanup.add(() => rowcast.close());
  const sql = await connectTo(stack.postgres, 'shop');
  sql.on('error', () => undefined);
  const yaml = readFileSync(join(ROOT, 'dev', 'demo', 'rowcast.yaml'), 'utf8')
    .replaceAll('${POSTGRES_PORT}', String(stack.postgres.port))
    .replaceAll('${RECEIVER_URL}', stack.receiverUrl)
    .replaceAll('${TAG}', '');
  const found = await findTemporal();
  const programs: Record<string, readonly string[]> = {
    rowcast: [process.execPath, join(ROOT, 'cli', 'rowcast.mjs')],
    temporal: [found.kind === 'cluster' ? 'temporal' : found.path],
  };
  const print = async (command: string) => {
    const [program = '', ...args] = wordsOf(await asOfNow(rowcast, command.replace(/^npx /, '')));
    const [path = '', ...own] = programs[program] ?? [];
    return new Promise<string>((resolve) => {
      execFile(path, [...own, ...args], { env, cwd: folder, maxBuffer: 2 ** 26 }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
  };
  return {
    rowcast,
    sql,
    write: (change = (text) => text) => writeFile(join(folder, 'rowcast.yaml'), change(yaml)),
    async misbehave(...faults) {
      const url = new URL('/_receiver/faults', stack.receiverUrl);
      await fetch(url, { method: 'PUT', body: JSON.stringify(faults) });
    },
    print,
    [Symbol.asyncDispose]: () => cleanup.run(),
  };
}

/** A document names runs of its own day, and a storage of its own. */
async function asOfNow(rowcast: Rowcast, command: string): Promise<string> {
  const [run, sync] = /rowcast-run-([a-z-]+)-\d{4}-\S+/.exec(command) ?? [];
  if (run !== undefined && sync !== undefined) {
    for await (const record of rowcast.imports.list(sync)) {
      if (record.trigger !== 'retry') return command.replace(run, record.run.split('~')[0] ?? '');
    }
  }
  if (!command.includes('rowcast-sweep-')) return command;
  const { storage } = await rowcast.syncs.get('orders');
  return command.replace(/(?<=rowcast-sweep-)[0-9A-Z]{26}/, storage.id);
}

/** Words as a shell splits them. */
function wordsOf(command: string): string[] {
  const bare = command.replace(/ +#.*$/, '');
  return [...bare.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, word]) => double ?? single ?? word ?? '',
  );
}
