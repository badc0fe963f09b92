import type { Cell, ColumnKind } from '../../connectors/source.ts';
import type { ExactValue } from './contract.ts';

/** The columns that values are stored in, and what they hold. */
const COLUMNS = new Map<string, { readonly type: string; readonly value: string }>();

/** A value that is stored in a column of its own. @param value a literal. */
function stored(type: string, value: string, kind: ColumnKind, cell: Cell): ExactValue {
  const name = `c${COLUMNS.size}`;
  COLUMNS.set(name, { type, value });
  return [name, kind, cell];
}

const number = (sql: string, value: string): ExactValue => [sql, 'number', value];

/** One text with characters of every Unicode plane that has any, and of every kind that is troublesome. */
const UNICODE =
  'aé\u0301\u200d\u202e\ufeff\ufffd漢😀𠀀\u{30000}\u{e0001}\u{f0000}\u{10fffd}\t\n\r\u0001\u007f\u2028';

const bytes = (hex: string) => Buffer.from(hex, 'hex');

const NUMBERS = {
  'whole numbers of 64 bits': [
    stored('BIGINT', '9223372036854775807', 'number', '9223372036854775807'),
    stored('BIGINT', '-9223372036854775808', 'number', '-9223372036854775808'),
    stored('BIGINT UNSIGNED', '18446744073709551615', 'number', '18446744073709551615'),
    number('9007199254740993', '9007199254740993'),
    number('18446744073709551615', '18446744073709551615'),
    stored('INT', '-2147483648', 'number', '-2147483648'),
    stored('INT UNSIGNED', '4294967295', 'number', '4294967295'),
    stored('MEDIUMINT', '-8388608', 'number', '-8388608'),
    stored('MEDIUMINT UNSIGNED', '16777215', 'number', '16777215'),
    stored('SMALLINT', '-32768', 'number', '-32768'),
    stored('SMALLINT UNSIGNED', '65535', 'number', '65535'),
    stored('TINYINT', '-128', 'number', '-128'),
    stored('TINYINT UNSIGNED', '255', 'number', '255'),
    stored('INT(8) ZEROFILL', '42', 'number', '42'),
    stored('BIGINT', 'NULL', 'number', null),
  ],
  'decimals of any length': [
    stored(
      'DECIMAL(65,30)',
      '-12345678901234567890123456789012345.123456789012345678901234567890',
      'number',
      '-12345678901234567890123456789012345.123456789012345678901234567890',
    ),
    stored('DECIMAL(65,0)', '9'.repeat(65), 'number', '9'.repeat(65)),
    stored('DECIMAL(10,2)', '1.1', 'number', '1.10'),
    number('CAST(1 AS DECIMAL(38,10))', '1.0000000000'),
    number('0.1 + 0.2', '0.3'),
  ],
  'floating-point numbers': [
    stored('DOUBLE', '0.1e0', 'number', '0.1'),
    number('0.1e0 + 0.2e0', '0.30000000000000004'),
    stored('DOUBLE', '1e-300', 'number', '1e-300'),
    stored('DOUBLE', '1.7976931348623157e308', 'number', '1.7976931348623157e+308'),
    stored('DOUBLE', '-2.2250738585072014e-308', 'number', '-2.2250738585072014e-308'),
    stored('DOUBLE', '16777217', 'number', '16777217'),
    stored('DOUBLE', '9007199254740993', 'number', '9007199254740992'),
    stored('DOUBLE', 'NULL', 'number', null),
  ],
  'floating-point numbers of 32 bits, beyond the six digits that the server shows': [
    stored('FLOAT', '0.1', 'number', '0.1'),
    stored('FLOAT', '16777216', 'number', '16777216'),
    stored('FLOAT', '1234567.9', 'number', '1234567.9'),
    stored('FLOAT', '0.30000001192092896', 'number', '0.3'),
    stored('FLOAT', '0.3000001', 'number', '0.3000001'),
    stored('FLOAT', '3.4028234e38', 'number', '3.4028235e+38'),
    stored('FLOAT', '-1.1754944e-38', 'number', '-1.1754944e-38'),
    stored('FLOAT', '8388609.5', 'number', '8388610'),
  ],
  'truth values': [
    stored('BOOLEAN', 'TRUE', 'boolean', true),
    stored('TINYINT(1)', '0', 'boolean', false),
    stored('TINYINT(1)', '2', 'boolean', '2'),
    stored('TINYINT(1)', '-1', 'boolean', '-1'),
    stored('TINYINT(1)', 'NULL', 'boolean', null),
    stored('BIT(1)', "b'1'", 'boolean', true),
    stored('BIT(1)', "b'0'", 'boolean', false),
    stored('BIT', 'NULL', 'boolean', null),
  ],
  'groups of bits': [
    stored('BIT(4)', "b'1011'", 'number', '11'),
    stored('BIT(64)', '18446744073709551615', 'number', '18446744073709551615'),
    stored('BIT(9)', "b'100000001'", 'number', '257'),
  ],
} satisfies Record<string, readonly ExactValue[]>;

const MOMENTS = {
  'instants to the microsecond': [
    stored('TIMESTAMP(6) NULL', "'2026-01-31 08:15:00.123456'", 'instant', '2026-01-31T08:15:00.123456Z'),
    stored('TIMESTAMP(6) NULL', "'2026-07-01 00:00:00'", 'instant', '2026-07-01T00:00:00.000000Z'),
    stored('TIMESTAMP NULL', "'1970-01-01 00:00:01'", 'instant', '1970-01-01T00:00:01Z'),
    stored('TIMESTAMP(3) NULL', "'2038-01-19 03:14:07.999'", 'instant', '2038-01-19T03:14:07.999Z'),
    stored('TIMESTAMP NULL', 'NULL', 'instant', null),
  ],
  'date-times without a zone': [
    stored('DATETIME(6)', "'2026-01-31 08:15:00.123456'", 'datetime', '2026-01-31T08:15:00.123456'),
    stored('DATETIME(6)', "'2026-03-29 02:30:00.000001'", 'datetime', '2026-03-29T02:30:00.000001'),
    stored('DATETIME', "'1883-11-18 12:03:58'", 'datetime', '1883-11-18T12:03:58'),
    stored('DATETIME', "'2026-01-31'", 'datetime', '2026-01-31T00:00:00'),
    stored('DATETIME(2)', "'9999-12-31 23:59:59.99'", 'datetime', '9999-12-31T23:59:59.99'),
    ["CAST('2026-01-31 08:15:00.5' AS DATETIME(1))", 'datetime', '2026-01-31T08:15:00.5'],
  ],
  'dates in any century': [
    stored('DATE', "'2026-01-01'", 'date', '2026-01-01'),
    stored('DATE', "'1000-01-01'", 'date', '1000-01-01'),
    stored('DATE', "'9999-12-31'", 'date', '9999-12-31'),
    stored('DATE', 'NULL', 'date', null),
  ],
  'dates that do not exist, as the server writes them,': [
    stored('DATE', "'0000-00-00'", 'date', '0000-00-00'),
    stored('DATE', "'2026-00-00'", 'date', '2026-00-00'),
    stored('DATETIME', "'0000-00-00 00:00:00'", 'datetime', '0000-00-00 00:00:00'),
    stored('DATETIME(3)', "'2026-01-00 10:00:00.5'", 'datetime', '2026-01-00 10:00:00.500'),
    stored('TIMESTAMP NULL', "'0000-00-00 00:00:00'", 'instant', '0000-00-00 00:00:00'),
  ],
  'times and years': [
    stored('TIME(6)', "'08:15:00.123456'", 'text', '08:15:00.123456'),
    stored('TIME', "'-838:59:59'", 'text', '-838:59:59'),
    stored('TIME', "'00:00:00'", 'text', '00:00:00'),
    stored('TIME(2)', "'26:00:00.5'", 'text', '26:00:00.50'),
    stored('YEAR', '2026', 'number', '2026'),
    stored('YEAR', '0', 'number', '0'),
  ],
} satisfies Record<string, readonly ExactValue[]>;

/** @param text what the source's texts come as. */
function texts(text: ColumnKind) {
  const literal = (sql: string, value: string): ExactValue => [sql, text, value];
  return {
    bytes: [
      stored('BINARY(6)', "x'deadbeef00ff'", 'binary', bytes('deadbeef00ff')),
      stored('VARBINARY(20)', "x'00'", 'binary', bytes('00')),
      stored('BLOB', "''", 'binary', Buffer.alloc(0)),
      stored('LONGBLOB', "x'fffefd'", 'binary', bytes('fffefd')),
      ["CAST('é' AS BINARY)", 'binary', bytes('c3a9')],
      ["UNHEX(REPEAT('61', 70000))", 'binary', Buffer.from('a'.repeat(70_000))],
    ],
    'points on a map, as the server keeps them,': [
      stored(
        'GEOMETRY',
        "ST_GeomFromText('POINT(1 2)')",
        'binary',
        bytes('00000000' + '0101000000' + '000000000000f03f' + '0000000000000040'),
      ),
      literal("ST_AsText(ST_GeomFromText('POINT(1 2)'))", 'POINT(1 2)'),
    ],
    'enums and sets': [
      stored("ENUM('sad','so so','')", "'so so'", 'text', 'so so'),
      stored("ENUM('[1]')", "'[1]'", 'text', '[1]'),
      stored("SET('a','b','c')", "'a,c'", 'text', 'a,c'),
      stored("SET('a','b','c')", "''", 'text', ''),
    ],
    'texts of every plane of Unicode': [
      stored('VARCHAR(100) CHARACTER SET utf8mb4', `'${UNICODE}'`, text, UNICODE),
      stored('TEXT CHARACTER SET utf8mb4', `'${UNICODE}'`, text, UNICODE),
      literal(`'${UNICODE}'`, UNICODE),
    ],
    'texts in other character sets': [
      stored('VARCHAR(20) CHARACTER SET latin1', "'Grüße €'", text, 'Grüße €'),
      stored('TEXT CHARACTER SET latin1', "'ÿ'", text, 'ÿ'),
      stored('VARCHAR(20) CHARACTER SET utf16', "'漢😀'", text, '漢😀'),
      stored('CHAR(5) CHARACTER SET cp1251', "'Привт'", text, 'Привт'),
    ],
    'texts that are easily taken for something else': [
      stored('VARCHAR(20)', "''", text, ''),
      stored('VARCHAR(20)', 'NULL', text, null),
      literal("'NULL'", 'NULL'),
      literal("'007'", '007'),
      stored('CHAR(3)', "'a'", text, 'a'),
      literal("'it''s \"quoted\" \\\\'", 'it\'s "quoted" \\'),
      literal('\'{"a":1}\'', '{"a":1}'),
    ],
    'texts of a megabyte': [
      literal("REPEAT('aé😀 ', 131072)", 'aé😀 '.repeat(131_072)),
      stored('LONGTEXT', "REPEAT('漢', 100000)", text, '漢'.repeat(100_000)),
    ],
    // Longer than what a packet of the protocol holds.
    'texts of seventeen million characters': [
      literal(
        "CONCAT(REPEAT('x', 16000000), REPEAT('y', 770000))",
        `${'x'.repeat(16_000_000)}${'y'.repeat(770_000)}`,
      ),
    ],
  } satisfies Record<string, readonly ExactValue[]>;
}

const JSON_TEXT = '{"b": 9007199254740993, "a": [1.10, null, "x"]}';

type Values = Readonly<Record<string, readonly ExactValue[]>>;

const MARIADB_VALUES: Values = {
  'JSON texts': [
    stored('JSON', `'${JSON_TEXT}'`, 'text_or_json', JSON_TEXT),
    ["JSON_OBJECT('a', 1, 'b', 'x')", 'text_or_json', '{"a": 1, "b": "x"}'],
    stored('JSON', 'NULL', 'text_or_json', null),
  ],
  'identifiers and addresses': [
    stored(
      'UUID',
      "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
      'text_or_json',
      'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    ),
    stored('INET6', "'2001:db8::1'", 'text_or_json', '2001:db8::1'),
  ],
};

const MYSQL_VALUES: Values = {
  'JSON values': [
    ["JSON_OBJECT('a', 1, 'b', 'x')", 'json', '{"a": 1, "b": "x"}'],
    stored('JSON', `'{"b": 9007199254740993, "a": 1.5}'`, 'json', '{"a": 1.5, "b": 9007199254740993}'),
    stored('JSON', `'"text"'`, 'json', '"text"'),
    stored('JSON', 'NULL', 'json', null),
  ],
};

/**
 * What the types of MySQL or MariaDB become, to the last digit; and what creates the table `samples`, in whose one
 * row those stand that only a column can have.
 */
export function mysqlValues(isMariadb: boolean): { values: Values; setUp: readonly string[] } {
  const values = isMariadb
    ? { ...NUMBERS, ...MOMENTS, ...texts('text_or_json'), ...MARIADB_VALUES }
    : { ...NUMBERS, ...MOMENTS, ...texts('text'), ...MYSQL_VALUES };
  const names = Object.values(values).flatMap((list) => list.map(([sql]) => sql));
  const columns = [...COLUMNS].filter(([name]) => names.includes(name));
  const setUp = [
    "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'",
    `CREATE TABLE samples (${columns.map(([name, { type }]) => `${name} ${type}`).join(', ')})`,
    `INSERT INTO samples VALUES (${columns.map(([, { value }]) => value).join(', ')})`,
  ];
  return { values, setUp };
}
