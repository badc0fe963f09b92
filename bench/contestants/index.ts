import { bareLoop } from './bareLoop.ts';
import type { Contestant } from './contestant.ts';
import { copy } from './copy.ts';
import { mysql2 } from './mysql2.ts';
import { posting } from './posting.ts';
import { dlt, drt } from './python.ts';
import { rowcast } from './rowcast.ts';
import { customerioSdk, segmentSdk } from './sdks.ts';

/** All contestants, in the order in which they run and stand in the table. */
export const CONTESTANTS: readonly Contestant[] = [
  copy,
  mysql2,
  posting,
  bareLoop,
  rowcast,
  customerioSdk,
  segmentSdk,
  dlt,
  drt,
];
