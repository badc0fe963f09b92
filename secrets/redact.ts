/** Keeps secrets out of everything that is shown, stored or logged. */
export interface Redactor {
  remember(secret: string): void;
  /** The text with every remembered secret, however encoded, replaced. */
  redact(text: string): string;
}

/** Shorter values would take ordinary words apart. */
const SECRET_CHARS_MIN = 4;

/** Some servers echo what was sent to them, as it was or encoded: plain, in base64, in a URL, as JSON. */
export function createRedactor(): Redactor {
  const known = new Set<string>();
  let pattern: RegExp | null = null;
  return {
    remember(secret) {
      if (secret.length < SECRET_CHARS_MIN || known.has(secret)) return;
      for (const form of formsOf(secret)) known.add(form);
      // The longest first, so that nothing is left of one that begins like another.
      const longestFirst = [...known].sort((left, right) => right.length - left.length);
      pattern = new RegExp(longestFirst.map(escaped).join('|'), 'g');
    },
    redact(text) {
      return pattern === null ? text : text.replace(pattern, '[secret]');
    },
  };
}

/** A secret that is a whole `Authorization` ends with what a server may echo alone. */
const WITH_SCHEME = /^(?:basic|bearer|token) +(\S+)$/i;

function formsOf(secret: string): string[] {
  const [, token] = WITH_SCHEME.exec(secret) ?? [];
  const inUrl = encodeURIComponent(secret);
  const inForm = new URLSearchParams([['', secret]]).toString().slice(1);
  // `secret:` is how Basic authorization has it: as the user, with an empty password.
  const inBase64 = [secret, `${secret}:`].flatMap((text) => {
    const padded = Buffer.from(text).toString('base64');
    return [padded, padded.replace(/=+$/, ''), Buffer.from(text).toString('base64url')];
  });
  const inJson = JSON.stringify(secret).slice(1, -1);
  const encoded = [inJson, ...inBase64, ...[inUrl, inForm].flatMap((form) => [form, lowerHex(form)])];
  const parts = [token, privateKeyIn(secret)].filter((part) => part !== undefined);
  return [secret, ...encoded, ...parts.flatMap(formsOf)];
}

/** The key of a service account is a JSON text with one field that nobody may see. */
function privateKeyIn(secret: string): string | undefined {
  if (!secret.trimStart().startsWith('{')) return undefined;
  try {
    const { private_key: key } = JSON.parse(secret) as { readonly private_key?: unknown };
    return typeof key === 'string' && key.length >= SECRET_CHARS_MIN ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Percent codes are written in either letter case. */
function lowerHex(encoded: string): string {
  return encoded.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
