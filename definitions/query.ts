/** The longest query, in characters. */
export const QUERY_CHARS_MAX = 131_072;

const LAST_SYNC_TIME = /\{\{\s*last_sync_time\s*\}\}/g;

/** Puts the value of `last_sync_time`, in whole Unix seconds, in for every `{{last_sync_time}}` of a query. */
export function renderQuery(query: string, lastSyncTime: number): string {
  return query.replace(LAST_SYNC_TIME, String(lastSyncTime));
}

/** What is wrong with the text of a query, as a clause for the user, or null. */
export function checkQuery(query: string, charsMax: number): string | null {
  return checkLength(query, charsMax) ?? checkText(query);
}

function checkLength(query: string, charsMax: number): string | null {
  if (query.length <= charsMax) return null;
  const chars = Array.from(query).length;
  if (chars <= charsMax) return null;
  return `is ${chars} characters long, more than the limit of ${charsMax}; shorten it, or move a part into a view`;
}

/**
 * Databases do not agree on what a backslash in a literal means. What stands outside of literals by one reading only
 * is left to the database, which refuses it in its own words.
 */
function checkText(query: string): string | null {
  const readings = [blankOut(query, POSTGRES), blankOut(query, MYSQL)];
  if (readings.every((code) => /^[\s;]*$/.test(code))) return 'is empty; give one SELECT statement';
  const seconds = readings.map(startOfSecond);
  const second = Math.max(...seconds);
  if (!seconds.includes(-1)) {
    const line = query.slice(0, second).split('\n').length;
    return `holds more than one statement (the second begins in line ${line}); keep one, and remove the rest`;
  }
  const variables = readings.map(unknownVariables);
  const unknown = variables[0]?.find((text) => variables.every((others) => others.includes(text)));
  return unknown === undefined
    ? null
    : `holds the unknown variable ${JSON.stringify(unknown)}; the only one is {{last_sync_time}}`;
}

/** Where the second statement begins, or -1. */
function startOfSecond(code: string): number {
  const found = /^[\s;]*[^\s;][^;]*;[\s;]*(?=[^\s;])/.exec(code);
  return found === null ? -1 : found[0].length;
}

function unknownVariables(code: string): string[] {
  return code.replace(LAST_SYNC_TIME, '').match(/\{\{[^{}]*\}\}/g) ?? [];
}

const LINE_COMMENT = String.raw`--[^\n]*`;
const HASH_COMMENT = String.raw`#[^\n]*`;
const DOLLARS = String.raw`(?<![\w$])\$([A-Za-z_]\w*)?\$[\s\S]*?(?:\$\1\$|$)`;
const BACKTICKS = '`[^`]*(?:`|$)';
const ESCAPED = (quote: string) =>
  String.raw`${quote}(?:[^${quote}\\]|\\[\s\S]|${quote}${quote})*(?:${quote}|$)`;
const PLAIN = (quote: string) => `${quote}(?:[^${quote}]|${quote}${quote})*(?:${quote}|$)`;

/** A backslash escapes in E'…' only. Source: PostgreSQL, Lexical Structure. */
const POSTGRES = new RegExp(
  [LINE_COMMENT, DOLLARS, String.raw`(?<!\w)[eE]${ESCAPED("'")}`, PLAIN("'"), PLAIN('"'), BACKTICKS].join(
    '|',
  ),
  'y',
);
/** A backslash escapes everywhere, and `#` begins a comment. Source: MySQL, String Literals and Comments. */
const MYSQL = new RegExp(
  [LINE_COMMENT, HASH_COMMENT, DOLLARS, ESCAPED("'"), ESCAPED('"'), BACKTICKS].join('|'),
  'y',
);

/** The query with comments as spaces and everything quoted as `x`, at its length. */
function blankOut(query: string, quoted: RegExp): string {
  let code = '';
  while (code.length < query.length) {
    const at = code.length;
    quoted.lastIndex = at;
    const comment = query.startsWith('/*', at) ? blockCommentLength(query, at) : 0;
    const found = comment > 0 ? null : quoted.exec(query);
    if (comment > 0) code += ' '.repeat(comment);
    else if (found === null) code += query.charAt(at);
    else code += (/^(?:--|#)/.test(found[0]) ? ' ' : 'x').repeat(found[0].length);
  }
  return code;
}

/** A comment may hold others, and one that is not closed goes to the end. */
function blockCommentLength(query: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  let depth = 0;
  for (let found = mark.exec(query); found !== null; found = mark.exec(query)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex - start;
  }
  return query.length - start;
}
