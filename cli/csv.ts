/** A line of CSV. Source: RFC 4180; what a spreadsheet would take for a formula is made text by an apostrophe. */
export function csvLine(fields: readonly string[]): string {
  return fields.map(csvField).join(',');
}

const FORMULA = /^[=+\-@\t\r]/;

function csvField(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
