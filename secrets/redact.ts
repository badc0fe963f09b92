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
  return {
    remember(secret) {
      if (secret.length < SECRET_CHARS_MIN) return;
      const user = Buffer.from(`${secret}:`).toString('base64');
      const alone = Buffer.from(secret).toString('base64');
      for (const form of [
        secret,
        user,
        alone,
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
      ]) {
        known.add(form);
      }
    },
    redact(text) {
      const longestFirst = [...known].sort((left, right) => right.length - left.length);
      return longestFirst.reduce((rest, form) => rest.replaceAll(form, '[secret]'), text);
    },
  };
}
