import type { ExactValue } from './contract.ts';

const json = (sql: string, value: string): ExactValue => [sql, 'json', value];
const text = (sql: string, value: string): ExactValue => [sql, 'text', value];
const number = (sql: string, value: string): ExactValue => [sql, 'number', value];
const instant = (sql: string, value: string): ExactValue => [`TIMESTAMP '${sql}'`, 'instant', value];

/** One text with characters of every Unicode plane that has any, and of every kind that is troublesome. */
const UNICODE =
  'aé\u0301\u200d\u202e\ufeff\ufffd漢😀𠀀\u{30000}\u{e0001}\u{f0000}\u{10fffd}\t\u0001\u007f\u2028';

/** What BigQuery's types become, to the last digit. */
export const BIGQUERY_VALUES: Readonly<Record<string, readonly ExactValue[]>> = {
  'whole numbers of 64 bits': [
    number('9223372036854775807', '9223372036854775807'),
    number('-9223372036854775807 - 1', '-9223372036854775808'),
    number('9007199254740993', '9007199254740993'),
    number('0', '0'),
    ['CAST(NULL AS INT64)', 'number', null],
  ],
  'decimals of 38 digits': [
    number("NUMERIC '12345678901234567890123456789.123456789'", '12345678901234567890123456789.123456789'),
    number("NUMERIC '-0.000000001'", '-0.000000001'),
    number("NUMERIC '1.10'", '1.1'),
    number("BIGNUMERIC '12345678901234567890.123456789012345678'", '12345678901234567890.123456789012345678'),
    ['CAST(NULL AS NUMERIC)', 'number', null],
  ],
  'floating-point numbers': [
    number('0.1', '0.1'),
    number('0.1 + 0.2', '0.30000000000000004'),
    number('1e-300', '1e-300'),
    number('1.7976931348623157e308', '1.7976931348623157e+308'),
    number('CAST(16777217 AS FLOAT64)', '16777217'),
    number("CAST('NaN' AS FLOAT64)", 'NaN'),
    number("CAST('inf' AS FLOAT64)", 'Infinity'),
    number("CAST('-inf' AS FLOAT64)", '-Infinity'),
  ],
  'truth values': [
    ['TRUE', 'boolean', true],
    ['1 = 2', 'boolean', false],
    ['CAST(NULL AS BOOL)', 'boolean', null],
  ],
  'instants to the microsecond': [
    instant('2026-01-31 08:15:00.123456+00', '2026-01-31T08:15:00.123456Z'),
    instant('2026-01-31 08:15:00.000001+05:30', '2026-01-31T02:45:00.000001Z'),
    instant('1969-12-31 23:59:59.999999+00', '1969-12-31T23:59:59.999999Z'),
    instant('1970-01-01 00:00:00+00', '1970-01-01T00:00:00.000000Z'),
    instant('0001-01-01 00:00:00+00', '0001-01-01T00:00:00.000000Z'),
    instant('9999-12-31 23:59:59.999999+00', '9999-12-31T23:59:59.999999Z'),
    ['CAST(NULL AS TIMESTAMP)', 'instant', null],
  ],
  'date-times without a zone': [
    ["DATETIME '2026-01-31 08:15:00.123456'", 'datetime', '2026-01-31T08:15:00.123456'],
    ["DATETIME '2026-03-29 02:30:00'", 'datetime', '2026-03-29T02:30:00'],
    ['CAST(NULL AS DATETIME)', 'datetime', null],
  ],
  'dates and times': [
    ["DATE '2026-01-01'", 'date', '2026-01-01'],
    ["DATE '0001-01-01'", 'date', '0001-01-01'],
    ["DATE '9999-12-31'", 'date', '9999-12-31'],
    text("TIME '08:15:00'", '08:15:00'),
    text("TIME '23:59:59.999999'", '23:59:59.999999'),
  ],
  bytes: [
    ["FROM_HEX('deadbeef00ff')", 'binary', Buffer.from('deadbeef00ff', 'hex')],
    ["b''", 'binary', Buffer.alloc(0)],
    ['CAST(NULL AS BYTES)', 'binary', null],
  ],
  texts: [
    text(`'${UNICODE}'`, UNICODE),
    text("''", ''),
    text("'NULL'", 'NULL'),
    text("'007'", '007'),
    text("'true'", 'true'),
    text('\'{"a":1}\'', '{"a":1}'),
    ['CAST(NULL AS STRING)', 'text', null],
  ],
  'texts of a megabyte': [text("REPEAT('aé😀 ', 131072)", 'aé😀 '.repeat(131_072))],
  'JSON values, digit by digit': [
    json(`JSON '{"b":9007199254740993,"a":[1.5,null,"x"]}'`, '{"b":9007199254740993,"a":[1.5,null,"x"]}'),
    json(`JSON '"text"'`, '"text"'),
    json("JSON 'null'", 'null'),
    ['CAST(NULL AS JSON)', 'json', null],
  ],
  'arrays and structs': [
    json('[1, 9223372036854775807]', '[1,9223372036854775807]'),
    json("['a', 'quote\" and \\\\ 😀']", '["a","quote\\" and \\\\ 😀"]'),
    json('ARRAY<INT64>[]', '[]'),
    json("[CAST('NaN' AS FLOAT64), 1.5, CAST('-inf' AS FLOAT64)]", '["NaN",1.5,"-Infinity"]'),
    json('[TRUE, FALSE]', '[true,false]'),
    json("[NUMERIC '12345678901234567890123456789.123456789']", '[12345678901234567890123456789.123456789]'),
    json("[b'abc']", '["YWJj"]'),
    json("[TIMESTAMP '2026-01-31 08:15:00.123456+00']", '["2026-01-31T08:15:00.123456Z"]'),
    json("[DATE '2026-01-31']", '["2026-01-31"]'),
    json("STRUCT(1 AS `job title`, 'x' AS b)", '{"job title":1,"b":"x"}'),
    json(
      "[STRUCT(1 AS id, ['a', 'b'] AS tags, STRUCT(CAST(NULL AS STRING) AS none, JSON '{\"k\":1}' AS j) AS deep)]",
      '[{"id":1,"tags":["a","b"],"deep":{"none":null,"j":{"k":1}}}]',
    ),
  ],
  'intervals, places and ranges': [
    text('MAKE_INTERVAL(1, 2, 3, 4, 5, 6)', '1-2 3 4:5:6'),
    text('ST_GEOGPOINT(1, 2)', 'POINT(1 2)'),
    text("RANGE(DATE '2026-01-01', DATE '2026-02-01')", '[2026-01-01, 2026-02-01)'),
    text("RANGE(TIMESTAMP '2026-01-01 00:00:00+00', NULL)", '[2026-01-01T00:00:00.000000Z, UNBOUNDED)'),
  ],
};
