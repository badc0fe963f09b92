const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;

/**
 * A ULID, made of what a workflow makes the same again when it is replayed: its own clock and its own random numbers.
 *
 * @param ms milliseconds since 1970. @param random from 0 to below 1, as `Math.random`.
 */
export function ulidAt(ms: number, random: () => number): string {
  const time = Array.from({ length: TIME_CHARS }, (_none, index) =>
    ALPHABET.charAt(Math.floor(ms / 32 ** (TIME_CHARS - 1 - index)) % 32),
  );
  const rest = Array.from({ length: RANDOM_CHARS }, () => ALPHABET.charAt(Math.floor(random() * 32)));
  return [...time, ...rest].join('');
}
