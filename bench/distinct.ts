/**
 * How many different ids blocks hold, in which each id ends with a quote.
 *
 * Ids are told apart by 64 bits of a hash each, since a `Set` of ten million strings takes a gigabyte. Two ids that share
 * all 64, which happens once in a million tables of ten million ids, would be counted as one: never more than there are.
 */
export function countDistinct(blocks: readonly Uint8Array[], ids: number): number {
  const slots = 2 ** Math.ceil(Math.log2(ids * 2 + 2));
  const table = new Int32Array(slots * 2);
  let distinct = 0;
  const add = (high: number, low: number) => {
    // A slot of two zeros is empty.
    const first = high === 0 && low === 0 ? 1 : high;
    for (let at = low & (slots - 1); ; at = (at + 1) & (slots - 1)) {
      const [found, foundLow] = [table[at * 2], table[at * 2 + 1]];
      if (found === first && foundLow === low) return;
      if (found !== 0 || foundLow !== 0) continue;
      table[at * 2] = first;
      table[at * 2 + 1] = low;
      distinct += 1;
      return;
    }
  };
  for (const block of blocks) {
    let [first, second] = SEEDS;
    for (const byte of block) {
      if (byte === QUOTE) {
        add(mixed(first, second), mixed(second, first));
        [first, second] = SEEDS;
      } else {
        first = Math.imul(first ^ byte, 0x9e3779b1);
        second = Math.imul(second ^ byte, 0x5f356495);
      }
    }
  }
  return distinct;
}

export const QUOTE = 0x22;
const SEEDS: readonly [number, number] = [0x243f6a88, 0x13198a2e];

/** Lets the high bits of a product, in which all bytes take part, reach the low ones. */
function mixed(own: number, other: number): number {
  const once = Math.imul(own ^ (own >>> 16), 0x85ebca6b) ^ Math.imul(other ^ (other >>> 13), 0xc2b2ae35);
  return once ^ (once >>> 15);
}
