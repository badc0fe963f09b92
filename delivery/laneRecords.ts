import { setImmediate as nextTurn } from 'node:timers/promises';
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

/** The position after settled calls, and when it counts. */
export interface Recorded {
  readonly position: LanePosition;
  /** Resolves once everything that the position counts on is in storage; null where that is nothing. */
  readonly stored: Promise<void> | null;
}

/** Which files of a lane come after which. */
interface Place {
  readonly position: LanePosition;
  readonly before: Promise<void>;
  readonly what: 'errors' | 'calls';
}

/** Puts the failed and the first delivered calls of a lane into storage. */
export class LaneRecords {
  readonly #request: LaneRequest;

  constructor(request: LaneRequest) {
    this.#request = request;
  }

  /**
   * Begins to store what is to be kept of settled calls.
   *
   * @param end their end in the chunk, in bytes.
   * @param before over once all that the position counts on is stored.
   */
  record(position: LanePosition, settled: Settled, end: number, before: Promise<void>): Recorded {
    const { failures } = settled;
    const kept = firstOf(settled, this.#request.keepCalls - position.kept);
    const errors = this.#store({ position, before, what: 'errors' }, failures, (failure) =>
      this.#failedRow(failure),
    );
    const calls = this.#store({ position, before, what: 'calls' }, kept, (call) => this.#deliveredCall(call));
    const storing = [errors.stored, calls.stored].filter((stored) => stored !== null);
    return {
      position: {
        ...position,
        offset: end,
        delivered: position.delivered + acceptedOf(settled),
        failed: position.failed + failures.length,
        refused: position.refused + failures.filter(({ code }) => code === 'refused_by_destination').length,
        errorFiles: errors.keys,
        callFiles: calls.keys,
        kept: position.kept + kept.length,
      },
      stored: storing.length === 0 ? null : allOf(storing),
    };
  }

  #store<Item>(
    { position, before, what }: Place,
    items: readonly Item[],
    lineOf: (item: Item) => unknown,
  ): { readonly keys: readonly string[]; readonly stored: Promise<void> | null } {
    const { chunk, offset, errorFiles, callFiles } = position;
    const keysBefore = what === 'errors' ? errorFiles : callFiles;
    if (items.length === 0) return { keys: keysBefore, stored: null };
    const { storage, folder, lane, token } = this.#request;
    const name = `${folder}/${what}/${lane}-${chunk}-${offset}-${token}`;
    const key = `${name}.ndjson`;
    // To read a thousand calls takes its time; the next batch is sent before.
    const stored = nextTurn().then(() => writeNdjson(storage, key, items.map(lineOf)));
    const keys = [...keysBefore, key];
    const firstUnmerged = keys.findLastIndex((each) => each.endsWith(MERGED_SUFFIX)) + 1;
    const unmerged = keys.slice(firstUnmerged);
    if (unmerged.length < MERGED_FILES) return { keys, stored };
    const mergedKey = `${name}${MERGED_SUFFIX}`;
    return {
      keys: [...keys.slice(0, firstUnmerged), mergedKey],
      // Those of batches before may still be on their way.
      stored: allOf([before, stored]).then(() => this.#merge(unmerged, mergedKey)),
    };
  }

  /** Puts the same lines into one file. The old ones stay: whoever goes on from an earlier position counts on them. */
  async #merge(keys: readonly string[], mergedKey: string): Promise<void> {
    const bodies = await Promise.all(keys.map((key) => this.#bodyOf(key)));
    await this.#request.storage.put(mergedKey, Buffer.concat(bodies));
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

/** Fails like the first that fails, and not before all are over: no file comes after the attempt that stores it. */
export async function allOf(tasks: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(tasks);
  await Promise.all(tasks);
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
