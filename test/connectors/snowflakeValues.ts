import type { Cell, ColumnKind } from '../../connectors/source.ts';
import type { ExactValue } from './contract.ts';
import type { Canned } from './snowflakePeer.ts';

type Raw = readonly [type: string, scale: number | null, raw: string | null];

/** The values that the peer's engine cannot compute, and the form that Snowflake sends them in. */
const WIRED = new Map<ExactValue, Raw>();

const number = (sql: string, value: string): ExactValue => [sql, 'number', value];

/** A value that a real account computes, and that the peer answers as Snowflake sends it. */
function wired(sql: string, raw: Raw, kind: ColumnKind, cell: Cell): ExactValue {
  const value: ExactValue = [sql, kind, cell];
  WIRED.set(value, raw);
  return value;
}

/** One text with characters of every Unicode plane that has any, and of every kind that is troublesome. */
const UNICODE =
  'aé\u0301\u200d\u202e\ufeff\ufffd漢😀𠀀\u{30000}\u{e0001}\u{f0000}\u{10fffd}\t\n\r\u0001\u007f\u2028';

const bytes = (hex: string) => Buffer.from(hex, 'hex');

const NUMBERS = {
  'whole numbers of up to 38 digits': [
    number('9223372036854775807', '9223372036854775807'),
    number('-9223372036854775808', '-9223372036854775808'),
    number('9007199254740993', '9007199254740993'),
    wired(`${'9'.repeat(38)}::NUMBER(38, 0)`, ['fixed', 0, '9'.repeat(38)], 'number', '9'.repeat(38)),
    number('0::NUMBER(1, 0)', '0'),
    ['NULL::NUMBER(38, 0)', 'number', null] as ExactValue,
  ],
  'decimals of up to 38 digits': [
    number(
      "'12345678901234567890123456.123456789012'::NUMBER(38, 12)",
      '12345678901234567890123456.123456789012',
    ),
    wired(
      `'-0.${'0'.repeat(37)}1'::NUMBER(38, 38)`,
      ['fixed', 38, `-0.${'0'.repeat(37)}1`],
      'number',
      `-0.${'0'.repeat(37)}1`,
    ),
    number('1.1::NUMBER(10, 2)', '1.10'),
    number('0.1 + 0.2', '0.3'),
  ],
  'floating-point numbers': [
    number('0.1::FLOAT', '0.1'),
    number('16777217::FLOAT', '16777217'),
    wired("'1e-300'::FLOAT", ['real', null, '1e-300'], 'number', '1e-300'),
    wired("'NaN'::FLOAT", ['real', null, 'NaN'], 'number', 'NaN'),
    wired("'inf'::FLOAT", ['real', null, 'inf'], 'number', 'Infinity'),
    wired("'-inf'::FLOAT", ['real', null, '-inf'], 'number', '-Infinity'),
    ['NULL::FLOAT', 'number', null] as ExactValue,
  ],
  'truth values': [
    ['TRUE', 'boolean', true],
    ['1 = 2', 'boolean', false],
    ['NULL::BOOLEAN', 'boolean', null],
  ],
} satisfies Record<string, readonly ExactValue[]>;

const SECOND = '1769847300';

const TIMES = {
  dates: [
    ["'2026-01-31'::DATE", 'date', '2026-01-31'],
    ["'1969-12-31'::DATE", 'date', '1969-12-31'],
    ["'0001-01-01'::DATE", 'date', '0001-01-01'],
    ["'9999-12-31'::DATE", 'date', '9999-12-31'],
    ['NULL::DATE', 'date', null],
  ],
  'times of day': [
    wired("'08:15:00'::TIME(0)", ['time', 0, '29700'], 'text', '08:15:00'),
    wired("'23:59:59.123456789'::TIME(9)", ['time', 9, '86399.123456789'], 'text', '23:59:59.123456789'),
    wired("'00:00:00.5'::TIME(3)", ['time', 3, '0.500'], 'text', '00:00:00.500'),
  ],
  'date-times without a zone, to the nanosecond': [
    wired(
      "'2026-01-31 08:15:00.123456789'::TIMESTAMP_NTZ(9)",
      ['timestamp_ntz', 9, `${SECOND}.123456789`],
      'datetime',
      '2026-01-31T08:15:00.123456789',
    ),
    wired(
      "'2026-01-31 08:15:00'::TIMESTAMP_NTZ(0)",
      ['timestamp_ntz', 0, SECOND],
      'datetime',
      '2026-01-31T08:15:00',
    ),
    wired(
      "'1969-12-31 23:59:58.25'::TIMESTAMP_NTZ(3)",
      ['timestamp_ntz', 3, '-1.750'],
      'datetime',
      '1969-12-31T23:59:58.250',
    ),
    wired(
      "'0001-01-01 00:00:00.000000001'::TIMESTAMP_NTZ(9)",
      ['timestamp_ntz', 9, '-62135596799.999999999'],
      'datetime',
      '0001-01-01T00:00:00.000000001',
    ),
    ['NULL::TIMESTAMP_NTZ', 'datetime', null],
  ],
  'moments, in whatever zone they were written': [
    wired(
      "'2026-01-31 08:15:00.123456789 +0000'::TIMESTAMP_LTZ(9)",
      ['timestamp_ltz', 9, `${SECOND}.123456789`],
      'instant',
      '2026-01-31T08:15:00.123456789Z',
    ),
    wired(
      "'2026-01-31 13:45:00.5 +0530'::TIMESTAMP_TZ(3)",
      ['timestamp_tz', 3, `${SECOND}.500 1770`],
      'instant',
      '2026-01-31T08:15:00.500Z',
    ),
    wired(
      "'1969-12-31 18:59:59.5 -0500'::TIMESTAMP_TZ(9)",
      ['timestamp_tz', 9, '-0.500000000 1140'],
      'instant',
      '1969-12-31T23:59:59.500000000Z',
    ),
  ],
} satisfies Record<string, readonly ExactValue[]>;

const OTHERS = {
  'texts of every kind, empty ones beside NULL': [
    [`'${UNICODE}'`, 'text', UNICODE],
    ["''", 'text', ''],
    ['NULL::VARCHAR', 'text', null],
    ['\'{"a": 1}\'', 'text', '{"a": 1}'],
    ["REPEAT('é漢', 1000000)", 'text', 'é漢'.repeat(1_000_000)],
  ],
  'binary values': [
    ["TO_BINARY('00ff10', 'HEX')", 'binary', bytes('00ff10')],
    wired("TO_BINARY('', 'HEX')", ['binary', null, ''], 'binary', bytes('')),
    wired('NULL::BINARY', ['binary', null, null], 'binary', null),
  ],
  'VARIANT, OBJECT and ARRAY, digit by digit': [
    wired(
      'PARSE_JSON(\'{"a":[1,2.50,null],"big":12345678901234567890}\')',
      ['variant', null, '{"a":[1,2.50,null],"big":12345678901234567890}'],
      'json',
      '{"a":[1,2.50,null],"big":12345678901234567890}',
    ),
    wired("TO_VARIANT('text')", ['variant', null, '"text"'], 'json', '"text"'),
    wired("PARSE_JSON('null')", ['variant', null, 'null'], 'json', 'null'),
    wired('NULL::VARIANT', ['variant', null, null], 'json', null),
    wired("OBJECT_CONSTRUCT('a', 1)", ['object', null, '{"a":1}'], 'json', '{"a":1}'),
    wired('ARRAY_CONSTRUCT(1, NULL)', ['array', null, '[1,null]'], 'json', '[1,null]'),
    wired("PARSE_XML('<a>1</a>')", ['object', null, '<a>1</a>'], 'json', '"<a>1</a>"'),
    wired(
      '[1, 2.5]::VECTOR(FLOAT, 2)',
      ['vector', null, '[1.000000,2.500000]'],
      'json',
      '[1.000000,2.500000]',
    ),
    wired(
      "TO_GEOGRAPHY('POINT(1 2)')",
      ['geography', null, '{"coordinates":[1,2],"type":"Point"}'],
      'json',
      '{"coordinates":[1,2],"type":"Point"}',
    ),
  ],
  'a type that is newer than Rowcast': [
    wired("INTERVAL '1' DAY", ['interval_day_time', null, '+1 00:00:00'], 'text', '+1 00:00:00'),
  ],
} satisfies Record<string, readonly ExactValue[]>;

const GROUPS = Object.entries<readonly ExactValue[]>({ ...NUMBERS, ...TIMES, ...OTHERS });
const COMPUTED = GROUPS.map(([what, values]) => [what, values.filter((value) => !WIRED.has(value))] as const);
const SENT = GROUPS.map(
  ([what, values]) =>
    [`${what}, as Snowflake sends them,`, values.filter((value) => WIRED.has(value))] as const,
);

export const SNOWFLAKE_VALUES = Object.fromEntries(
  [...COMPUTED, ...SENT].filter(([, values]) => values.length > 0),
);

/** What the peer answers where its engine cannot compute. */
export const CANNED: Readonly<Record<string, Canned>> = Object.fromEntries(
  SENT.map(([, values]) => {
    const list = values.map(([sql], index) => `${sql} AS v${index}`).join(', ');
    const raws = values.map((value) => WIRED.get(value)!);
    const rowtype = raws.map(([type, scale], index) => ({
      name: `V${index}`,
      type,
      ...(scale !== null && { scale }),
    }));
    return [`SELECT ${list}`, { rowtype, rows: [raws.map(([, , raw]) => raw)] }];
  }),
);
