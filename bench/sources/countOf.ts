/** How many values a stream has, each of them dropped. */
export async function countOf(stream: AsyncIterable<unknown>): Promise<number> {
  const values = stream[Symbol.asyncIterator]();
  let count = 0;
  while ((await values.next()).done !== true) count += 1;
  return count;
}
