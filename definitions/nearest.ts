/** The word that a misspelt one was most likely meant to be, or null where none is near. */
export function nearest(misspelt: string, words: readonly string[]): string | null {
  const ranked = words
    .map((word) => ({ word, edits: editsBetween(misspelt.toLowerCase(), word.toLowerCase()) }))
    .sort((left, right) => left.edits - right.edits);
  const [best] = ranked;
  // A third of a word may be wrong: two letters of `titel`, one of `tls`.
  return best !== undefined && best.edits <= Math.ceil(best.word.length / 3) ? best.word : null;
}

/** How many letters to add, take away or replace. Source: V. I. Levenshtein, 1966. */
function editsBetween(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_none, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const added = (current[column - 1] ?? 0) + 1;
      const removed = (previous[column] ?? 0) + 1;
      current.push(Math.min(replaced, added, removed));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
