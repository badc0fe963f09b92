import { RowcastError } from '../errors.ts';
import { parseExactly } from '../mapping/exactJson.ts';
import { leftOut, rowFromCall } from '../mapping/rowData.ts';
import type { StagedCall } from '../storage/stagedCalls.ts';
import { writeNdjson } from '../storage/failedRows.ts';
import type { DeliveredCall, FailedRow } from '../storage/manifest.ts';
import { acceptedOf } from './halving.ts';
import type { CallFailure, Settled } from './halving.ts';
import type { LanePosition, LaneRequest } from './laneRequest.ts';

/** So many files of a lane become one once they have gathered: their keys are part of every position. */
const MERGED_FILES = 64;

const MERGED_SUFFIX = '-merged.ndjson';

/** Puts the failed and the first delivered calls of a lane into storage, before its position moves past them. */
export class LaneRecords {
  readonly #request: LaneRequest;

  constructor(request: LaneRequest) {
    this.#request = request;
  }

  /**
   * Stores what is to be kept of settled calls, and answers the position after them.
   *
   * @param end their end in the chunk, in bytes.
   */
  async record(position: LanePosition, settled: Settled, end: number): Promise<LanePosition> {
    const { failures } = settled;
    const kept = firstOf(settled, this.#request.keepCalls - position.kept);
    const failed = failures.map((failure) => this.#failedRow(failure));
    const delivered = kept.map((call) => this.#deliveredCall(call));
    return {
      ...position,
      offset: end,
      delivered: position.delivered + acceptedOf(settled),
      failed: position.failed + failures.length,
      refused: position.refused + failures.filter(({ code }) => code === 'refused_by_destination').length,
      errorFiles: await this.#store(position, 'errors', position.errorFiles, failed),
      callFiles: await this.#store(position, 'calls', position.callFiles, delivered),
      kept: position.kept + kept.length,
    };
  }

  async #store(
    { chunk, offset }: LanePosition,
    what: 'errors' | 'calls',
    keys: readonly string[],
    lines: readonly unknown[],
  ): Promise<readonly string[]> {
    if (lines.length === 0) return keys;
    const { storage, folder, lane, token } = this.#request;
    const name = `${folder}/${what}/${lane}-${chunk}-${offset}-${token}`;
    const key = `${name}.ndjson`;
    await writeNdjson(storage, key, lines);
    return await this.#merged([...keys, key], `${name}${MERGED_SUFFIX}`);
  }

  /** The same lines in fewer files. The old ones stay: whoever goes on from an earlier position counts on them. */
  async #merged(keys: readonly string[], mergedKey: string): Promise<readonly string[]> {
    const firstUnmerged = keys.findLastIndex((key) => key.endsWith(MERGED_SUFFIX)) + 1;
    const unmerged = keys.slice(firstUnmerged);
    if (unmerged.length < MERGED_FILES) return keys;
    const bodies = await Promise.all(unmerged.map((key) => this.#bodyOf(key)));
    await this.#request.storage.put(mergedKey, Buffer.concat(bodies));
    return [...keys.slice(0, firstUnmerged), mergedKey];
  }

  async #bodyOf(key: string): Promise<Buffer> {
    const { storage } = this.#request;
    const body = await storage.get(key);
    if (body !== null) return body;
    throw new RowcastError(
      'storage_corrupt',
      `The file ${key} is gone from ${storage.identity.location}; the run fails, and its window repeats from the source.`,
    );
  }

  #failedRow({ call, code, message }: CallFailure): FailedRow {
    return { row: call.row, code, message, ...this.#dataAndCall(call) };
  }

  #deliveredCall(call: StagedCall): DeliveredCall {
    const kept = this.#dataAndCall(call);
    return { row: call.row, ...kept, leftOut: leftOut(this.#request.placements, kept.call) };
  }

  #dataAndCall({ json }: StagedCall) {
    const call = parseExactly(String(json)) as Record<string, unknown>;
    return { data: rowFromCall(this.#request.placements, call), call };
  }
}

/** The first accepted calls, at most so many. */
function firstOf({ accepted }: Settled, countMax: number): StagedCall[] {
  const first: StagedCall[] = [];
  for (const calls of accepted) {
    const left = Math.max(0, countMax - first.length);
    first.push(...calls.slice(0, Math.min(calls.count, left)));
  }
  return first;
}
