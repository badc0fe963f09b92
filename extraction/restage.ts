import { RowcastError } from '../errors.ts';
import { createMapper } from '../mapping/createMapper.ts';
import { keptCall } from '../mapping/keptCall.ts';
import type { Mapper, MappingOptions } from '../mapping/mapper.ts';
import { digestPrefix } from '../mapping/messageId.ts';
import { rowJson } from '../mapping/rowData.ts';
import { rowFromData } from '../mapping/rowFromData.ts';
import { readFailedRowsExactly } from '../storage/failedRows.ts';
import type { FailedRow, Manifest } from '../storage/manifest.ts';
import { readManifest } from '../storage/manifest.ts';
import type { Memory } from '../storage/memory.ts';
import { readRunFiles } from '../storage/runFiles.ts';
import type { Digester } from '../storage/digester.ts';
import { Staging } from '../storage/staging.ts';
import type { Storage } from '../storage/storage.ts';

export interface RestageRequest {
  readonly storage: Storage;
  /** The folder of the run whose files list the failed rows. */
  readonly from: string;
  /** The folder of this attempt, which is its alone. */
  readonly folder: string;
  /** Only rows with this fault; null: all. */
  readonly code: string | null;
  /** Of today. */
  readonly mapping: MappingOptions;
  readonly lanes: number;
  readonly chunkBytes: number;
  readonly memory: Memory;
  readonly digester: Digester;
  readonly signal: AbortSignal;
  /** Told the number of rows taken so far. */
  readonly onProgress: (rows: number) => void;
}

export interface Restaged {
  readonly manifest: Manifest;
  /** Keys of the files with the failed rows that were not asked for. */
  readonly untriedFiles: readonly string[];
}

/** A file of rows that are left alone is written once it holds so many bytes. */
const UNTRIED_FILE_BYTES = 1_024 * 1_024;

/** Staged rows go to storage at least once in so many. */
const FLUSH_ROWS = 1_000;

/**
 * Stages failed rows of an earlier run again. A call that was made goes as it was; a row that could not become one is
 * mapped again from its data, and fails again where it still cannot.
 *
 * @throws RowcastError nothing_to_retry where there is no such row; of the mapping, the storage.
 */
export async function restage(request: RestageRequest): Promise<Restaged> {
  const { storage, from, code, signal, onProgress } = request;
  const files = await readRunFiles(storage, from);
  const described = files.manifest === undefined ? null : await readManifest(storage, files.manifest);
  const remapper = described?.columns && remapperOf(described.columns, request.mapping);
  const staging = new Staging({ ...request, digestPrefix: digestPrefix(request.mapping) });
  const untried = new UntriedRows(request);
  const others = new Map<string, number>();
  let rows = 0;
  try {
    const keys = [...files.errorFiles, ...(files.untriedFiles ?? [])];
    for await (const failed of readFailedRowsExactly(storage, keys)) {
      signal.throwIfAborted();
      if (code !== null && failed.code !== code) {
        others.set(failed.code, (others.get(failed.code) ?? 0) + 1);
        await untried.add(failed);
        continue;
      }
      rows += 1;
      stageAgain(failed, staging, remapper);
      if (staging.full || rows % FLUSH_ROWS === 0) await staging.flush();
      onProgress(rows);
    }
    if (rows === 0) throw nothingThere(code, others);
    const staged = await staging.finish();
    const untriedFiles = await untried.finish();
    const placements = [...(described?.placements ?? []), ...(remapper?.placements() ?? [])];
    const columns = described?.columns === undefined ? {} : { columns: described.columns };
    return { manifest: { version: 2, ...staged, ...columns, placements }, untriedFiles };
  } finally {
    await staging.abandon();
  }
}

/** Maps rows anew from their data. */
interface Remapper {
  map(failed: FailedRow, staging: Staging): void;
  /** Where it put the columns; none where it mapped nothing. */
  placements(): Manifest['placements'];
}

/** Today's mapping is only looked at where a row needs it: a call that was made before does not. */
function remapperOf(columns: Mapper['columns'], mapping: MappingOptions): Remapper {
  let mapper: Mapper | null = null;
  return {
    map({ row: number, data }, staging) {
      mapper ??= remapping(columns, mapping);
      const row = rowFromData(columns, data, mapping.timeZone);
      const call = mapper.map(row);
      if (call.ok) staging.add(number, call);
      else staging.fail(number, call, rowJson(columns, row, mapping.timeZone));
    },
    placements: () => mapper?.placements ?? [],
  };
}

/** @throws RowcastError nothing_to_retry where ids would depend on the spelling of JSON, which the data does not keep. */
function remapping(columns: Mapper['columns'], mapping: MappingOptions): Mapper {
  const names = (mapping.messageIdFrom ?? []).map((name) => name.toLowerCase());
  const spelled = columns.find(
    ({ name, kind }) => (kind === 'json' || kind === 'text_or_json') && names.includes(name.toLowerCase()),
  );
  if (spelled === undefined) return createMapper(columns, mapping);
  throw new RowcastError(
    'nothing_to_retry',
    `\`messageIdFrom\` names the column ${JSON.stringify(spelled.name)}, which holds JSON: a row that is mapped again from its stored data might get another messageId. Retry the rows that the destination refused, by \`--code refused_by_destination\`.`,
  );
}

function stageAgain(failed: FailedRow, staging: Staging, remapper: Remapper | undefined): void {
  if (failed.call !== undefined) staging.add(failed.row, keptCall(failed.call));
  else if (remapper !== undefined) remapper.map(failed, staging);
  else throw undescribed(failed);
}

/** The failed rows that stay as they are, in files of this attempt. */
class UntriedRows {
  readonly #request: RestageRequest;
  readonly #files: string[] = [];
  #waiting: Buffer[] = [];
  #bytes = 0;

  constructor(request: RestageRequest) {
    this.#request = request;
  }

  async add(row: FailedRow): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(row)}\n`);
    this.#waiting.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= UNTRIED_FILE_BYTES) await this.finish();
  }

  async finish(): Promise<readonly string[]> {
    if (this.#waiting.length > 0) {
      const key = `${this.#request.folder}/untried/${String(this.#files.length).padStart(6, '0')}.ndjson`;
      await this.#request.storage.put(key, Buffer.concat(this.#waiting));
      this.#files.push(key);
      this.#waiting = [];
      this.#bytes = 0;
    }
    return this.#files;
  }
}

function nothingThere(code: string | null, others: ReadonlyMap<string, number>): RowcastError {
  const found = [...others].map(([other, rows]) => `${other} (${rows})`).join(', ');
  return new RowcastError(
    'nothing_to_retry',
    others.size === 0
      ? 'The failed rows of the run are not in storage any more, so they cannot be sent again (`keep.errors` of the sync says for how long they are kept).'
      : `No failed row of the run has the code ${JSON.stringify(code)}; those that there are have: ${found}.`,
  );
}

function undescribed({ row, code }: FailedRow): RowcastError {
  return new RowcastError(
    'nothing_to_retry',
    `Row ${row} failed in mapping (${code}) by a version of Rowcast before 0.5.0, which did not keep what its columns hold, so it cannot be mapped again. Retry the rows that the destination refused, by \`--code refused_by_destination\`, or reset the sync.`,
  );
}
