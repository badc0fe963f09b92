import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DestinationDefinition } from '../../definitions/destination.ts';
import { destinationProfile } from '../../delivery/destination.ts';
import type { DestinationProfile } from '../../delivery/destination.ts';
import { ownHeaders } from '../../delivery/headers.ts';
import { createHttp } from '../../delivery/http.ts';
import { deliverLane } from '../../delivery/lane.ts';
import type { LanePosition, LaneRequest } from '../../delivery/laneRequest.ts';
import { createSender } from '../../delivery/sender.ts';
import type { Sender } from '../../delivery/sender.ts';
import { SharedByWriteKey } from '../../delivery/shared.ts';
import { Receiver } from '../../dev/receiver/receiver.ts';
import type { ReceiverOptions } from '../../dev/receiver/receiver.ts';
import type { MappedCall } from '../../mapping/mapper.ts';
import { createRedactor } from '../../secrets/redact.ts';
import { readDeliveredCalls, readFailedRows } from '../../storage/failedRows.ts';
import { openLocalStorage } from '../../storage/local.ts';
import type { ChunkReference, DeliveredCall, FailedRow } from '../../storage/manifest.ts';
import type { Storage } from '../../storage/storage.ts';
import { Memory } from '../../storage/memory.ts';
import { chunkOf } from '../storage/chunk.ts';

export const WRITE_KEY = 'delivery/key+9f3c~A1';

/** The beginning of a lane. */
export const START: LanePosition = {
  chunk: 0,
  offset: 0,
  delivered: 0,
  failed: 0,
  refused: 0,
  errorFiles: [],
  callFiles: [],
  kept: 0,
};

/** Where the columns of the calls below went. */
export const PLACEMENTS = [
  { column: 'id', path: ['userId'] },
  { column: 'step', path: ['traits', 'step'] },
  { column: 'note', path: ['traits', 'note'] },
];

export interface CallFields {
  readonly userId?: string;
  readonly note?: string;
  readonly context?: Record<string, unknown>;
}

/** The call of a row as mapping writes it. */
export function callOf(row: number, { userId = `u${row}`, note = '', context }: CallFields = {}): MappedCall {
  const shared = context === undefined ? '' : `"context":${JSON.stringify(context)},`;
  const messageId = messageIdOf(row);
  const rest = JSON.stringify({ messageId, type: 'identify', userId, traits: { step: row, note } }).slice(1);
  return {
    ok: true,
    json: `{${shared}${rest}`,
    sharedBytes: Buffer.byteLength(shared),
    messageId,
    repeatable: true,
    person: userId,
  };
}

/** The body of a request for calls without a context, as the API has it. */
export const bodyOf = (calls: readonly MappedCall[]) =>
  `{"batch":[${calls.map(({ json }) => json).join(',')}]}`;

/** A call whose note is made of emoji and ends with as many letters as make it this many bytes. */
export function callOfBytes(row: number, bytes: number): MappedCall {
  const emoji = '🦊é€'.repeat(Math.floor((bytes - 200) / 9));
  const missing = bytes - Buffer.byteLength(callOf(row, { note: emoji }).json);
  return callOf(row, { note: emoji + 'x'.repeat(missing) });
}

export function messageIdOf(row: number): string {
  return `01JDELIVERY${String(row).padStart(15, '0')}`;
}

/** Rows `from` to `to`, both included. */
export function rows(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_row, index) => from + index);
}

export interface RoomOptions {
  readonly receiver?: Partial<ReceiverOptions>;
  /** What the destination is, besides its name and key. */
  readonly destination?: Record<string, unknown>;
  readonly profile?: Partial<DestinationProfile>;
  readonly retryBudgetMs?: number;
  readonly timeoutMs?: number;
}

/** Delivery with everything it needs: a storage, a destination, and chunks to deliver. */
export interface Room extends AsyncDisposable {
  readonly receiver: Receiver;
  readonly storage: Storage;
  readonly sender: Sender;
  /** Stages calls as chunks of a lane; rows are counted from 1 over all chunks. */
  stage(...chunks: (readonly MappedCall[])[]): Promise<void>;
  /** Delivers the lane, and notes each position on the way. */
  deliver(request?: Partial<LaneRequest>): Promise<{ position: LanePosition; done: boolean }>;
  /** Every position that was told, of all deliveries. */
  readonly positions: LanePosition[];
  failedRows(position: LanePosition): Promise<FailedRow[]>;
  deliveredCalls(position: LanePosition): Promise<DeliveredCall[]>;
}

export async function openRoom(options: RoomOptions = {}): Promise<Room> {
  const { retryBudgetMs = 20_000, timeoutMs = 5_000 } = options;
  const receiver = await Receiver.start({
    writeKey: WRITE_KEY,
    // A test that says whose API it meets has the rate of that API.
    ...(options.receiver?.api === undefined ? { requestsPer3s: 1_000_000 } : {}),
    ...options.receiver,
  });
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-delivery-'));
  const storage = await openLocalStorage(folder);
  const definition = DestinationDefinition.parse({
    name: 'shop-cdp',
    kind: 'customerio',
    url: receiver.url,
    writeKey: { secret: 'write-key' },
    ...options.destination,
  });
  const profile = { ...destinationProfile(definition), ...options.profile };
  const memory = new Memory();
  const http = createHttp({ timeoutMs });
  const sender = createSender({
    ...new SharedByWriteKey().of({ url: profile.batchUrl, writeKey: WRITE_KEY, rate: profile.rate }),
    profile,
    writeKey: WRITE_KEY,
    headers: await ownHeaders(definition, (of) => Promise.resolve(`value of ${JSON.stringify(of)}`)),
    http,
    redactor: createRedactor(),
    retryBudgetMs,
  });
  const positions: LanePosition[] = [];
  let chunks: ChunkReference[] = [];
  let deliveries = 0;

  return {
    receiver,
    storage,
    sender,
    positions,
    async stage(...contents) {
      chunks = await stagedChunks(storage, contents);
    },
    deliver(request) {
      deliveries += 1;
      return deliverLane({
        storage,
        memory,
        folder: 'runs/people/run/delivery',
        token: `attempt${deliveries}`,
        lane: 0,
        chunks,
        placements: PLACEMENTS,
        position: positions.at(-1) ?? START,
        sender,
        refusalsMax: 200,
        keepCalls: 0,
        untilMs: Infinity,
        signal: new AbortController().signal,
        onPosition: (position) => void positions.push(position),
        ...request,
      });
    },
    failedRows: ({ errorFiles }) => Array.fromAsync(readFailedRows(storage, errorFiles)),
    deliveredCalls: ({ callFiles }) => Array.fromAsync(readDeliveredCalls(storage, callFiles)),
    async [Symbol.asyncDispose]() {
      await receiver.stop();
      http.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function stagedChunks(
  storage: Storage,
  contents: readonly (readonly MappedCall[])[],
): Promise<ChunkReference[]> {
  const references: ChunkReference[] = [];
  let row = 0;
  for (const [index, calls] of contents.entries()) {
    const body = chunkOf(calls, { firstRow: row + 1 });
    row += calls.length;
    const key = `runs/people/run/extract/chunks/0-${index}`;
    await storage.put(key, body);
    references.push({ key, rows: calls.length, bytes: body.length });
  }
  return references;
}
