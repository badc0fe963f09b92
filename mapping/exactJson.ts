/*
 * JSON whose numbers survive being read and written: a double has no room for the 20 digits that a JSON column may
 * hold. Source: the TC39 proposal "JSON.parse source text access", which V8 has had since 2023.
 */

interface SourceText {
  readonly source?: string;
}

const { parse, rawJSON } = JSON as unknown as {
  parse: (text: string, revive: (key: string, value: unknown, context: SourceText) => unknown) => unknown;
  rawJSON: (text: string) => unknown;
};

/** Parses JSON so that `JSON.stringify` writes it with the numbers that it had. @throws SyntaxError */
export function parseExactly(text: string): unknown {
  const parsed: unknown = JSON.parse(text);
  // What comes out as it went in has lost nothing, and looking at each value takes three times as long.
  if (JSON.stringify(parsed) === text) return parsed;
  return parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value,
  );
}
