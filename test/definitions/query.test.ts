import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkQuery, QUERY_CHARS_MAX, renderQuery } from '../../definitions/query.ts';

/* What can be said about a query without a database. */

const check = (query: string) => checkQuery(query, QUERY_CHARS_MAX);
const TWO = /holds more than one statement/;

describe('one statement is accepted', () => {
  test.each([
    ['alone', 'SELECT 1'],
    ['with a semicolon at its end', 'SELECT 1;'],
    ['with several semicolons and empty lines at its end', 'SELECT 1 ;;\n ; \n'],
    ['with a comment after its semicolon', "SELECT 1; -- that's all; really\n"],
    ['with a block comment after its semicolon', 'SELECT 1; /* all; of it */'],
    ['with a comment that holds another', 'SELECT /* a; /* b; */ c; */ 1'],
    ['with a semicolon in a literal', "SELECT 'a;b' AS x"],
    ['with a doubled quote before a semicolon', "SELECT 'it''s; fine' AS x"],
    ['with a semicolon in a quoted name', 'SELECT 1 AS "a;b"'],
    ['with a doubled quote in a quoted name', 'SELECT 1 AS "a"";b"'],
    ['with a semicolon in a name in backticks', 'SELECT 1 AS `a;b`'],
    ['with a semicolon between dollars', 'SELECT $$a;b$$ AS x'],
    ['with a semicolon between tagged dollars', 'SELECT $tag$a; $$ b; $tag$ AS x'],
    ['with a dollar in a name', 'SELECT a$b$c FROM t WHERE $1 = 2'],
    ["with an escaped quote in an E'' literal", String.raw`SELECT E'it\'s; fine' AS x`],
    ['with an escaped quote as MySQL reads it', String.raw`SELECT 'it\'s; fine' AS x`],
    [
      'with a backslash at the end of a literal, as PostgreSQL reads it',
      String.raw`SELECT 'C:\' || ';' AS x`,
    ],
    ['with a comment of MySQL after its semicolon', 'SELECT 1; # all of it'],
    ['with an apostrophe in a comment', "SELECT 1 -- it's\n, 'a;b' AS x"],
    ['with a literal that never ends, which the database explains', "SELECT 'a; b"],
    ['with a comment that never ends, which the database explains', 'SELECT 1 /* a; b'],
    ['with a JSON operator', "SELECT a #>> '{b}', a -> 'c', 5 - -3 FROM t"],
  ])('%s', (_what, query) => {
    expect(check(query)).toBeNull();
  });
});

describe('two statements are refused', () => {
  test.each([
    ['plain', 'SELECT 1; SELECT 2'],
    ['without a space', 'SELECT 1;DELETE FROM t'],
    ['after an empty one', ';; SELECT 1; ; SELECT 2'],
    ['after a literal', "SELECT 'a;b'; SELECT 2"],
    ['after a literal with a doubled quote', "SELECT 'a'';b'; SELECT 2"],
    ['after a comment', 'SELECT 1; -- a\nSELECT 2'],
    ['after dollars', 'SELECT $a$;$a$; SELECT 2'],
    ['after a name that only looks like dollars', 'SELECT a$b$ FROM t; SELECT b$b$ FROM t'],
    ['of which the second is quoted', 'SELECT 1; "x"'],
    ['after two backslashes', String.raw`SELECT E'\\'; SELECT 2`],
  ])('%s', (_what, query) => {
    expect(check(query)).toMatch(TWO);
  });

  test('the sentence says in which line the second begins', () => {
    expect(check('SELECT 1\n;\n\n-- more\nSELECT 2')).toBe(
      'holds more than one statement (the second begins in line 5); keep one, and remove the rest',
    );
  });

  test('where databases disagree about a backslash, the database decides', () => {
    expect(check(String.raw`SELECT 'a\'; SELECT 2 --'`)).toBeNull();
  });
});

describe('an empty query is refused', () => {
  test.each([
    ['nothing', ''],
    ['blank', ' \n\t'],
    ['semicolons', ' ; ;'],
    ['a comment', '-- SELECT 1'],
    ['nested comments', '/* a /* b */ c */'],
  ])('%s', (_what, query) => {
    expect(check(query)).toBe('is empty; give one SELECT statement');
  });
});

describe('the longest query', () => {
  const ofLength = (chars: number) => `SELECT '${'x'.repeat(chars - 9)}'`;

  test('has 131,072 characters', () => {
    expect(check(ofLength(131_072))).toBeNull();
    expect(check(ofLength(131_073))).toBe(
      'is 131073 characters long, more than the limit of 131072; shorten it, or move a part into a view',
    );
  });

  test('counts an emoji as one character', () => {
    expect(checkQuery("SELECT '🎈🎈'", 11)).toBeNull();
    expect(checkQuery("SELECT '🎈🎈'", 10)).toMatch(/^is 11 characters long/);
  });
});

describe('variables', () => {
  test('{{last_sync_time}} is replaced wherever it stands, with and without spaces', () => {
    const query =
      "SELECT {{last_sync_time}}, {{ last_sync_time }}, '{{last_sync_time}}', {{\tlast_sync_time\n}}";
    expect(check(query)).toBeNull();
    expect(renderQuery(query, 1_700_000_000)).toBe("SELECT 1700000000, 1700000000, '1700000000', 1700000000");
  });

  test.each(['last_synctime', 'LAST_SYNC_TIME', 'lastSyncTime', ' since ', '', 'last sync time'])(
    '{{%s}} is refused, with the one that exists',
    (name) => {
      expect(check(`SELECT 1 WHERE a > {{${name}}}`)).toBe(
        `holds the unknown variable "{{${name}}}"; the only one is {{last_sync_time}}`,
      );
    },
  );

  test('double braces in a literal or a comment are left alone', () => {
    expect(check(`SELECT '{{name}}' AS x, $$ {{b}} $$ AS y -- {{c}}\n/* {{d}} */`)).toBeNull();
  });
});

test('whatever stands in literals and comments, one statement stays one and two stay two', () => {
  const inside = fc.string().map((text) => text.replaceAll(/[\\'"`$*/{}\n]/g, ';'));
  const piece = fc
    .tuple(inside, fc.constantFrom("''", '""', '``', '$$$$', '/**/', '--'))
    .map(([text, around]) => {
      if (around === '--') return `-- ${text}\n`;
      const half = around.length / 2;
      return `${around.slice(0, half)}${text}${around.slice(half)}`;
    });
  const statement = fc.array(piece).map((pieces) => `SELECT ${pieces.join(' , ')} , 1`);
  fc.assert(
    fc.property(statement, statement, (one, other) => {
      expect(check(one)).toBeNull();
      expect(check(`${one};`)).toBeNull();
      expect(check(`${one};${other}`)).toMatch(TWO);
    }),
  );
});
