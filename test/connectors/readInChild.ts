import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { SourceConfig } from '../../connectors/config.ts';
import { openSource } from '../../connectors/open.ts';
import type { Address, Row } from '../../connectors/source.ts';
import { request } from './request.ts';

/** What a process of its own is asked to read. */
interface Task {
  readonly config: SourceConfig;
  readonly password: string;
  readonly sql: string;
  /** Where the server is reached, if not at its own host and port. */
  readonly at?: Address;
}

export interface ChildReading {
  readonly rows: number;
  readonly firstRow: Row | null;
}

/** Reads a query in a process of its own, with its own environment and options of Node's. */
export async function readInChild(
  task: Task,
  options: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<ChildReading> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...options, import.meta.filename, JSON.stringify(task)],
    { env: { ...process.env, ...env } },
  );
  return JSON.parse(stdout) as ChildReading;
}

async function read({ config, password, sql, at }: Task): Promise<ChildReading> {
  const source = await openSource(config, () => Promise.resolve(password), new AbortController().signal, at);
  const { pages } = await source.query(request(sql));
  let rows = 0;
  let firstRow: Row | null = null;
  for await (const page of pages) {
    rows += page.length;
    firstRow ??= page[0] ?? null;
  }
  await source.close();
  return { rows, firstRow };
}

if (process.argv[1] === import.meta.filename) {
  process.stdout.write(JSON.stringify(await read(JSON.parse(process.argv[2] ?? '') as Task)));
}
