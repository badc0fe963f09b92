import type { MappedCall } from '../../mapping/mapper.ts';

/** A call as a version until 0.5.0 staged it. */
export function lineOf(row: number, { json, sharedBytes }: MappedCall): string {
  return `${String(row).padStart(10, '0')} ${String(sharedBytes).padStart(9, '0')} ${json}\n`;
}
