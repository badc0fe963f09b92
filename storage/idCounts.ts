import { DIGEST_WORDS } from './placedIds.ts';

const SLOT_WORDS = DIGEST_WORDS + 1;
const SLOTS_MIN = 1_024;

/**
 * How often the digest of each messageId was counted, exactly. A table of words, since a million strings in a `Map` take several times
 * the time and the memory.
 */
export class IdCounts {
  /** Each slot holds an id and its count; a count of 0 is an empty slot. */
  #slots = new Int32Array(SLOTS_MIN * SLOT_WORDS);
  #used = 0;

  /** Counts the id that begins at a word. @returns how often it was counted before. */
  count(records: Int32Array, word: number): number {
    if (this.#used * 2 >= this.#slots.length / SLOT_WORDS) this.#grow();
    const slot = this.#slotOf(records, word);
    const before = this.#slots[slot + DIGEST_WORDS] ?? 0;
    this.#slots[slot + DIGEST_WORDS] = before + 1;
    if (before > 0) return before;
    this.#used += 1;
    for (let index = 0; index < DIGEST_WORDS; index += 1)
      this.#slots[slot + index] = records[word + index] ?? 0;
    return 0;
  }

  /** Forgets everything. */
  clear(): void {
    this.#slots.fill(0);
    this.#used = 0;
  }

  /** Where an id is, or where it belongs. */
  #slotOf(records: Int32Array, word: number): number {
    const count = this.#slots.length / SLOT_WORDS;
    for (let slot = hashOf(records, word) & (count - 1); ; slot = (slot + 1) & (count - 1)) {
      const at = slot * SLOT_WORDS;
      if (this.#slots[at + DIGEST_WORDS] === 0 || this.#holds(at, records, word)) return at;
    }
  }

  #holds(slot: number, records: Int32Array, word: number): boolean {
    for (let index = 0; index < DIGEST_WORDS; index += 1) {
      if (this.#slots[slot + index] !== records[word + index]) return false;
    }
    return true;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(before.length * 2);
    for (let from = 0; from < before.length; from += SLOT_WORDS) {
      if (before[from + DIGEST_WORDS] === 0) continue;
      const slot = this.#slotOf(before, from);
      for (let index = 0; index < SLOT_WORDS; index += 1)
        this.#slots[slot + index] = before[from + index] ?? 0;
    }
  }
}

/** An id is a digest already, five bits a byte. */
function hashOf(records: Int32Array, word: number): number {
  const mixed =
    Math.imul(records[word] ?? 0, 0x9e3779b1) ^
    Math.imul(records[word + 1] ?? 0, 0x85ebca6b) ^
    Math.imul(records[word + 2] ?? 0, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
