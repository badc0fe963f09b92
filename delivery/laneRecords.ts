import { rowFromCall } from '../mapping/rowData.ts';
import type { StagedCall } from '../storage/calls.ts';
import { writeNdjson } from '../storage/failedRows.ts';
import type { DeliveredCall, FailedRow } from '../storage/manifest.ts';
import type { CallFailure, Settled } from './halving.ts';
import type { LanePosition, LaneRequest } from './lane.ts';

/** What a batch came to, and where the lane stands after it. */
interface Outcome extends Settled {
  /** Offset in the chunk after the batch, in bytes. */
  readonly end: number;
}

/** Puts the failed and the first delivered calls of a lane into storage, before its position moves past them. */
export class LaneRecords {
  readonly #request: LaneRequest;

  constructor(request: LaneRequest) {
    this.#request = request;
  }

  /** Stores what is to be kept of an outcome, and answers the position after it. */
  async record(position: LanePosition, { accepted, failures, end }: Outcome): Promise<LanePosition> {
    const kept = accepted.slice(0, Math.max(0, this.#request.keepCalls - position.kept));
    return {
      ...position,
      offset: end,
      delivered: position.delivered + accepted.length,
      failed: position.failed + failures.length,
      errorFiles: await this.#store(
        position,
        'errors',
        position.errorFiles,
        failures.map((failure) => this.#failedRow(failure)),
      ),
      callFiles: await this.#store(
        position,
        'calls',
        position.callFiles,
        kept.map((call) => this.#deliveredCall(call)),
      ),
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
    const key = `${folder}/${what}/${lane}-${chunk}-${offset}-${token}.ndjson`;
    await writeNdjson(storage, key, lines);
    return [...keys, key];
  }

  #failedRow({ call, code, message }: CallFailure): FailedRow {
    return { row: call.row, code, message, ...this.#dataAndCall(call) };
  }

  #deliveredCall(call: StagedCall): DeliveredCall {
    return { row: call.row, ...this.#dataAndCall(call) };
  }

  #dataAndCall({ json }: StagedCall) {
    const call = JSON.parse(String(json)) as Record<string, unknown>;
    return { data: rowFromCall(this.#request.placements, call), call };
  }
}
