/** Characters that JSON escapes, and surrogates, which may stand alone. */
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const NEEDS_ESCAPE = /[\u0000-\u001f"\\\ud800-\udfff]/;

/** A text as JSON. Most texts need no escape, and a test is much cheaper than `JSON.stringify`. */
export function jsonText(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}
