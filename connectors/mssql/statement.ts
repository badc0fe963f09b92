import { multipleStatements, notASelect } from '../queryFailures.ts';
import { asksAnotherServer, movesSequence, notOnlyReading } from './failures.ts';

/**
 * T-SQL has no transaction that only reads, and needs no semicolon between statements: `SELECT 1 COMMIT DELETE …` is
 * three. But each word that begins a statement which writes, runs other text or ends a transaction is a reserved one,
 * which names nothing unless it is quoted, so that it can be found. Source: SQL Server documentation, Reserved Keywords
 * (Transact-SQL).
 */
const NOT_READING = new Set(
  `ALTER BACKUP BEGIN BREAK CHECKPOINT CLOSE COMMIT CONTINUE CREATE DBCC DEALLOCATE DECLARE DELETE DENY DROP DUMP EXEC
  EXECUTE GOTO GRANT IF INSERT INTO KILL LINENO LOAD MERGE OPEN PRINT RAISERROR READTEXT RECONFIGURE RESTORE RETURN REVERT
  REVOKE ROLLBACK SAVE SET SETUSER SHUTDOWN TRAN TRANSACTION TRIGGER TRUNCATE UPDATE UPDATETEXT USE WAITFOR WHILE
  WRITETEXT`.split(/\s+/),
);

/** Functions that run text on another server, which no rollback of this one's undoes. */
const ELSEWHERE = new Set(['OPENQUERY', 'OPENROWSET', 'OPENDATASOURCE']);

/** What may stand between two SELECTs of one statement. */
const COMBINES = new Set(['UNION', 'ALL', 'EXCEPT', 'INTERSECT']);

/** A part of a statement outside of quotes: a word in capitals, or a mark. */
interface Part {
  readonly text: string;
  /** Where it begins in the statement. */
  readonly at: number;
  /** How many parentheses are open around it. */
  readonly depth: number;
}

/**
 * Refuses what is not one SELECT.
 *
 * @returns the statement as it is to be sent: with blanks for its comments, so that nothing depends on where the server
 *   lets one end.
 * @throws RowcastError query_not_read_only, query_multiple_statements.
 */
export function checkStatement(sql: string): string {
  const statement = withoutComments(sql);
  const parts = partsOf(statement);
  const first = parts.find(({ text }) => text !== ';' && text !== '(');
  if (first === undefined || !/^(SELECT|WITH)$/.test(first.text)) throw notASelect();
  if (hasSecond(parts)) throw multipleStatements(undefined);
  parts.forEach((part, at) => {
    refuse(statement, part, parts.slice(at + 1, at + 3));
  });
  return statement;
}

function refuse(statement: string, { text, at }: Part, next: readonly Part[]): void {
  const [second, third] = next.map((part) => part.text);
  const isHint = text === 'MERGE' && (second === 'JOIN' || second === 'UNION');
  const isOption = text === 'USE' && ((second === 'HINT' && third === '(') || second === 'PLAN');
  if (NOT_READING.has(text) && !isHint && !isOption) throw notOnlyReading(statement, at, text);
  if (ELSEWHERE.has(text)) throw asksAnotherServer(statement, at, text);
  if (text === 'NEXT' && second === 'VALUE' && third === 'FOR') throw movesSequence(statement, at);
}

/** Whether something follows a semicolon, or a SELECT one that it is not combined with. */
function hasSecond(parts: readonly Part[]): boolean {
  const statement = parts.slice(parts.findIndex(({ text }) => text !== ';'));
  const end = statement.findIndex(({ text }) => text === ';');
  if (end !== -1 && statement.slice(end).some(({ text }) => text !== ';')) return true;
  const selects = statement.filter(
    ({ text, depth }, at) => text === 'SELECT' && depth === 0 && !COMBINES.has(statement[at - 1]?.text ?? ''),
  );
  return selects.length > 1;
}

/** Quoted text, where a quote within is doubled; what is not closed goes to the end. */
const QUOTED = /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\[(?:[^\]]|\]\])*(?:\]|$)/y;

/** A number, which a word may follow at once (`SELECT 1UNION …`), a word, or any other mark. */
const PART = /(?:0x[\da-f]*|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d*)?)|([\p{L}_@#][\p{L}\p{N}_@#$]*)|\s+|([^])/iuy;

function partsOf(statement: string): Part[] {
  const parts: Part[] = [];
  let depth = 0;
  let at = 0;
  while (at < statement.length) {
    const quoted = match(QUOTED, statement, at);
    const found = quoted ?? match(PART, statement, at);
    const [all = statement.charAt(at), word, mark] = found ?? [];
    const text = quoted === null ? (word?.toUpperCase() ?? mark) : 'quoted';
    if (text === ')') depth -= 1;
    if (text !== undefined) parts.push({ text, at, depth });
    if (text === '(') depth += 1;
    at += all.length;
  }
  return parts;
}

/** The same text at its length, with blanks in the place of comments; lines stay lines. */
function withoutComments(sql: string): string {
  let text = '';
  while (text.length < sql.length) {
    const at = text.length;
    const comment = commentLength(sql, at);
    const [quoted] = match(QUOTED, sql, at) ?? [];
    if (comment > 0) text += sql.slice(at, at + comment).replace(/[^\r\n]/g, ' ');
    else text += quoted ?? sql.charAt(at);
  }
  return text;
}

/** A comment in slashes may hold others, and one that is not closed goes to the end. */
function commentLength(sql: string, start: number): number {
  if (sql.startsWith('--', start)) return (match(/[^\n]*/y, sql, start)?.[0] ?? '').length;
  if (!sql.startsWith('/*', start)) return 0;
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  let depth = 0;
  for (let found = mark.exec(sql); found !== null; found = mark.exec(sql)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex - start;
  }
  return sql.length - start;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
