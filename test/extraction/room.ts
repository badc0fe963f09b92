import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Source } from '../../connectors/source.ts';
import { extract } from '../../extraction/extract.ts';
import type { Extraction, ExtractRequest } from '../../extraction/extract.ts';
import { readPreview } from '../../extraction/preview.ts';
import type { PreviewReading, PreviewResult } from '../../extraction/preview.ts';
import type { MappingOptions } from '../../mapping/mapper.ts';
import { openLocalStorage } from '../../storage/local.ts';
import type { Storage } from '../../storage/storage.ts';
import { Digester } from '../../storage/digester.ts';
import { Memory } from '../../storage/memory.ts';
import { callsOf } from '../storage/calls.ts';
import type { ReadCall } from '../storage/calls.ts';
import { createDatabase } from '../connectors/postgresDatabase.ts';
import type { TestDatabase } from '../connectors/postgresDatabase.ts';
import { until } from '../connectors/request.ts';

export const MAPPING: MappingOptions = {
  sync: 'people',
  type: 'identify',
  nulls: 'send',
  messageIdFrom: null,
  timeZone: 'UTC',
  duties: { identifyByEmail: false, groupWithoutPerson: false },
  limits: {
    columnsWarn: 300,
    columnsMax: 512,
    columnNameCharsMax: 128,
    keyColumnNameCharsMax: 191,
    valueBytesMax: 128 * 1_024,
    recordBytesMax: 512 * 1_024,
  },
  window: { id: 'window-1', firstAttemptAtMs: Date.UTC(2026, 0, 31) },
};

/** Everything that an extraction needs: a database with a connection to it, and a storage. */
export interface Room extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly storage: Storage;
  /** Extracts a query over a connection of its own, which is closed in the end. */
  extract(query: string, request?: Partial<ExtractRequest>): Promise<Extraction>;
  preview(query: string, reading?: Partial<PreviewReading>): Promise<PreviewResult>;
  /** The calls of an extraction, lane by lane. */
  calls(extraction: Extraction): Promise<ReadCall[][]>;
  /** Waits until the server has no connection of Rowcast's. */
  disconnected(): Promise<void>;
  /** The names of the temporary files and scratch folders that there are. */
  temporaryFiles(): string[];
}

export async function openRoom(): Promise<Room> {
  const database = await createDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-extraction-'));
  const storage = await openLocalStorage(folder);
  let attempts = 0;

  async function connected<Result>(task: (source: Source) => Promise<Result>): Promise<Result> {
    const source = await database.open();
    try {
      return await task(source);
    } finally {
      await source.close();
    }
  }

  async function connections(): Promise<number> {
    const { rows } = await database.admin.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = $1',
      [database.role],
    );
    return rows[0]!.n;
  }

  return {
    database,
    storage,
    extract: (query, request) =>
      connected((source) =>
        extract({
          source,
          storage,
          folder: `runs/people/run/attempt-${(attempts += 1)}`,
          query,
          since: 0,
          mapping: MAPPING,
          rowsWarn: 1_000_000,
          rowsMax: 2_000_000,
          maxFailedRows: 1_000,
          lanes: 4,
          chunkBytes: 100_000,
          memory: new Memory(),
          digester: new Digester(),
          pageRows: 500,
          signal: new AbortController().signal,
          onProgress: () => undefined,
          ...request,
        }),
      ),
    preview: (query, reading) =>
      connected((source) =>
        readPreview({
          source,
          query,
          since: 0,
          mapping: MAPPING,
          sharesContext: true,
          limit: 10,
          signal: new AbortController().signal,
          ...reading,
        }),
      ),
    calls: ({ manifest }) => callsOf(storage, { lanes: manifest.lanes.map((chunks) => [...chunks]) }),
    disconnected: () => until(async () => (await connections()) === 0),
    temporaryFiles: () => readdirSync(join(folder, '.temporary')),
    async [Symbol.asyncDispose]() {
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
