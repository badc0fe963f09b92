import type { Cell, ColumnKind } from '../../connectors/source.ts';
import type { ExactValue } from './contract.ts';

const value =
  (kind: ColumnKind) =>
  (sql: string, cell: Cell): ExactValue => [sql, kind, cell];

const number = value('number');
const text = value('text');
const maybeJson = value('text_or_json');
const datetime = value('datetime');
const instant = value('instant');
const date = value('date');
const binary = value('binary');
const boolean = value('boolean');

/** One text with characters of every Unicode plane that has any, and of every kind that is troublesome. */
const UNICODE =
  'aé\u0301\u200d\u202e\ufeff\ufffd漢😀𠀀\u{30000}\u{e0001}\u{f0000}\u{10fffd}\t\n\r\u0001\u007f\u2028';

const bytes = (hex: string) => Buffer.from(hex, 'hex');
const NINES = '9'.repeat(38);

/** What the types of SQL Server become, to the last digit. */
export function mssqlValues(isBabelfish: boolean): Readonly<Record<string, readonly ExactValue[]>> {
  return { ...NUMBERS, ...MOMENTS, ...TEXTS, ...(isBabelfish ? {} : SQL_SERVER) };
}

const NUMBERS: Readonly<Record<string, readonly ExactValue[]>> = {
  'whole numbers of 64 bits': [
    number('CAST(9223372036854775807 AS bigint)', '9223372036854775807'),
    number('CAST(-9223372036854775808 AS bigint)', '-9223372036854775808'),
    number('CAST(9007199254740993 AS bigint)', '9007199254740993'),
    number('CAST(-2147483648 AS int)', '-2147483648'),
    number('CAST(-32768 AS smallint)', '-32768'),
    number('CAST(255 AS tinyint)', '255'),
    number('CAST(NULL AS bigint)', null),
  ],
  'decimals of 38 digits': [
    number(`CAST('${NINES}' AS decimal(38,0))`, NINES),
    number(`CAST('-0.${NINES}' AS decimal(38,38))`, `-0.${NINES}`),
    number(
      "CAST('12345678901234567890.123456789012345678' AS numeric(38,18))",
      '12345678901234567890.123456789012345678',
    ),
    number("CAST('1.1' AS decimal(10,2))", '1.10'),
    number("CAST('0' AS decimal(10,2))", '0.00'),
    number('0.1 + 0.2', '0.3'),
    number('CAST(NULL AS decimal(10,2))', null),
  ],
  money: [
    number("CAST('922337203685477.5807' AS money)", '922337203685477.5807'),
    number("CAST('-922337203685477.5808' AS money)", '-922337203685477.5808'),
    number("CAST('-0.0001' AS money)", '-0.0001'),
    number("CAST('214748.3647' AS smallmoney)", '214748.3647'),
    number("CAST('-214748.3648' AS smallmoney)", '-214748.3648'),
    number('CAST(NULL AS money)', null),
  ],
  'floating-point numbers': [
    number('CAST(0.1e0 AS float)', '0.1'),
    number('CAST(0.1 AS float) + CAST(0.2 AS float)', '0.30000000000000004'),
    number('CAST(1.7976931348623157e308 AS float)', '1.7976931348623157e+308'),
    number('CAST(-2.2250738585072014e-308 AS float)', '-2.2250738585072014e-308'),
    number('CAST(9007199254740993 AS float)', '9007199254740992'),
    number('CAST(0.1 AS real)', '0.1'),
    number('CAST(16777216 AS real)', '16777216'),
    number('CAST(3.4028234e38 AS real)', '3.4028235e+38'),
    number('CAST(NULL AS float)', null),
  ],
  'truth values': [
    boolean('CAST(1 AS bit)', true),
    boolean('CAST(0 AS bit)', false),
    boolean('CAST(NULL AS bit)', null),
  ],
};

const MOMENTS: Readonly<Record<string, readonly ExactValue[]>> = {
  'date-times without a zone': [
    datetime("CAST('2026-01-31 08:15:00.123456' AS datetime2(6))", '2026-01-31T08:15:00.123456'),
    datetime("CAST('2026-03-29 02:30:00' AS datetime2(0))", '2026-03-29T02:30:00'),
    datetime("CAST('9999-12-31 23:59:59.999' AS datetime2(3))", '9999-12-31T23:59:59.999'),
    datetime("CAST('2026-01-31 08:15:00.007' AS datetime)", '2026-01-31T08:15:00.007'),
    datetime("CAST('1753-01-01' AS datetime)", '1753-01-01T00:00:00.000'),
    datetime("CAST('2026-01-31 08:15' AS smalldatetime)", '2026-01-31T08:15:00'),
    datetime('CAST(NULL AS datetime2(3))', null),
  ],
  'instants with the zone that they were written in': [
    instant("CAST('2026-01-31 08:15:00.123456 +05:30' AS datetimeoffset(6))", '2026-01-31T02:45:00.123456Z'),
    instant("CAST('2026-07-01 00:00:00 -08:00' AS datetimeoffset(0))", '2026-07-01T08:00:00Z'),
    instant('CAST(NULL AS datetimeoffset(0))', null),
  ],
  'dates and times': [
    date("CAST('2026-01-01' AS date)", '2026-01-01'),
    date("CAST('0001-01-01' AS date)", '0001-01-01'),
    date("CAST('9999-12-31' AS date)", '9999-12-31'),
    date('CAST(NULL AS date)', null),
    text("CAST('08:15:00.123456' AS time(6))", '08:15:00.123456'),
    text("CAST('23:59:59' AS time(0))", '23:59:59'),
  ],
};

const TEXTS: Readonly<Record<string, readonly ExactValue[]>> = {
  'texts of every plane of Unicode': [
    maybeJson(`N'${UNICODE}'`, UNICODE),
    maybeJson(`CAST(N'${UNICODE}' AS nvarchar(max))`, UNICODE),
  ],
  'texts in a code page': [
    maybeJson("CAST(N'Grüße €' COLLATE Latin1_General_CI_AS AS varchar(20))", 'Grüße €'),
    maybeJson("CAST(N'Привет' COLLATE Cyrillic_General_CI_AS AS varchar(20))", 'Привет'),
  ],
  'texts that are easily taken for something else': [
    maybeJson("CAST('' AS varchar(20))", ''),
    maybeJson("CAST(N'' AS nvarchar(max))", ''),
    maybeJson('CAST(NULL AS varchar(20))', null),
    maybeJson('CAST(NULL AS nvarchar(max))', null),
    maybeJson("'NULL'", 'NULL'),
    maybeJson("'007'", '007'),
    maybeJson("CAST('a' AS char(3))", 'a  '),
    maybeJson("'it''s \"quoted\" \\'", 'it\'s "quoted" \\'),
    maybeJson('\'{"a":1}\'', '{"a":1}'),
  ],
  'texts of a megabyte': [
    maybeJson("REPLICATE(CAST(N'aé😀 ' AS nvarchar(max)), 131072)", 'aé😀 '.repeat(131_072)),
  ],
  'identifiers, in capitals as the server writes them,': [
    text(
      "CAST('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' AS uniqueidentifier)",
      'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
    ),
    text('CAST(NULL AS uniqueidentifier)', null),
  ],
  bytes: [
    binary('CAST(0xdeadbeef00 AS varbinary(20))', bytes('deadbeef00')),
    binary('CAST(0x AS varbinary(max))', bytes('')),
    binary('CAST(NULL AS varbinary(20))', null),
  ],
  'XML documents': [text('CAST(N\'<a b="1">ü</a>\' AS xml)', '<a b="1">ü</a>')],
  'values that bring their type along': [
    text('CAST(CAST(-7 AS int) AS sql_variant)', '-7'),
    text("CAST(CAST('1.10' AS decimal(10,2)) AS sql_variant)", '1.10'),
    text("CAST(CAST(N'漢' AS nvarchar(5)) AS sql_variant)", '漢'),
    text("CAST(CAST('2026-01-31' AS date) AS sql_variant)", '2026-01-31'),
    text('CAST(NULL AS sql_variant)', null),
  ],
};

/** What Babelfish does not have, whose times end with the microsecond and whose JSON has blanks. */
const SQL_SERVER: Readonly<Record<string, readonly ExactValue[]>> = {
  'moments to the last digit': [
    datetime("CAST('2026-01-31 08:15:00.1234567' AS datetime2)", '2026-01-31T08:15:00.1234567'),
    instant("CAST('2026-01-31 08:15:00.1234567 +01:00' AS datetimeoffset)", '2026-01-31T07:15:00.1234567Z'),
    text("CAST('23:59:59.9999999' AS time)", '23:59:59.9999999'),
    datetime("CAST('0001-01-01' AS datetime2(0))", '0001-01-01T00:00:00'),
  ],
  'JSON that the query makes': [
    maybeJson("(SELECT 1 AS a, N'ü' AS b FOR JSON PATH, WITHOUT_ARRAY_WRAPPER)", '{"a":1,"b":"ü"}'),
  ],
  'points on a map and in a tree, as the server keeps them,': [
    binary("CAST('/1/' AS hierarchyid)", bytes('58')),
    maybeJson("CAST('/1/' AS hierarchyid).ToString()", '/1/'),
    maybeJson('geography::Point(1, 2, 4326).ToString()', 'POINT (2 1)'),
  ],
};
