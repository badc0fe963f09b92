/** The longest query, in characters. */
export const QUERY_CHARS_MAX = 131_072;

const LAST_SYNC_TIME = /\{\{\s*last_sync_time\s*\}\}/g;

/** Puts the value of `last_sync_time`, in whole Unix seconds, in for every `{{last_sync_time}}` of a query. */
export function renderQuery(query: string, lastSyncTime: number): string {
  return query.replace(LAST_SYNC_TIME, String(lastSyncTime));
}

/** What is wrong with the text of a query, as a clause for the user, or null. */
export function checkQuery(query: string, charsMax: number): string | null {
  if (query.length > charsMax) {
    return `is ${query.length} characters long, more than the limit of ${charsMax}; shorten it, or move a part into a view`;
  }
  const code = blankOut(query);
  if (code.replaceAll(';', '').trim() === '') return 'is empty; give one SELECT statement';
  if (/;\s*[^\s;]/.test(code)) {
    return 'holds more than one statement; keep one SELECT and remove everything after the first ";"';
  }
  return null;
}

/** String literals and quoted names, so that a `;` inside them is not taken for the end of a statement. */
const QUOTED = /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/g;
const COMMENTS = /--[^\n]*|\/\*[\s\S]*?\*\//g;

/** The query with comments gone and everything quoted replaced by `x`. */
function blankOut(query: string): string {
  const either = new RegExp(`${COMMENTS.source}|${QUOTED.source}`, 'g');
  return query.replace(either, (found) => (found.startsWith('--') || found.startsWith('/*') ? ' ' : 'x'));
}
