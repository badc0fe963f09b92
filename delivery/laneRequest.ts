import type { Placement } from '../mapping/mapper.ts';
import type { ChunkReference } from '../storage/manifest.ts';
import type { Memory } from '../storage/memory.ts';
import type { Storage } from '../storage/storage.ts';
import type { Sender } from './sender.ts';

/** How far a lane is: everything before it is acknowledged by the destination, or listed with its error. */
export interface LanePosition {
  /** Index among the lane's chunks. */
  readonly chunk: number;
  /** Where in that chunk the next call begins, in bytes; its end after the last. */
  readonly offset: number;
  readonly delivered: number;
  readonly failed: number;
  /** How many of the failed calls the destination refused; the others were never sent. */
  readonly refused: number;
  /** Keys of the error files that count; others in the folder are left over from attempts that died. */
  readonly errorFiles: readonly string[];
  /** Keys of the files of kept calls that count. */
  readonly callFiles: readonly string[];
  /** How many delivered calls are kept in them. */
  readonly kept: number;
}

/** What is delivered of one lane, to whom, and from where on. */
export interface LaneRequest {
  readonly storage: Storage;
  /** Where chunks have their memory from. */
  readonly memory: Memory;
  /** Where error and call files go. */
  readonly folder: string;
  /** Part of every file's name, and never the same twice, so that an attempt that was given up cannot collide. */
  readonly token: string;
  readonly lane: number;
  readonly chunks: readonly ChunkReference[];
  readonly placements: readonly Pick<Placement, 'column' | 'path'>[];
  readonly position: LanePosition;
  readonly sender: Sender;
  /** Gives up once the lane has so many refusals, and nothing accepted before them: all calls are wrong then. */
  readonly refusalsMax: number;
  /** How many delivered calls are kept beside their rows. */
  readonly keepCalls: number;
  /** Hands back the position after this moment, in milliseconds since 1970. */
  readonly untilMs: number;
  readonly signal: AbortSignal;
  /** Told each position that is safe to go on from. */
  readonly onPosition: (position: LanePosition) => void;
}
