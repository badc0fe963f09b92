import type { ExactValue } from './contract.ts';

const json = (sql: string, value: string): ExactValue => [sql, 'json', value];
const text = (sql: string, value: string): ExactValue => [sql, 'text', value];
const number = (sql: string, value: string): ExactValue => [sql, 'number', value];

/** One text with characters of every Unicode plane that has any, and of every kind that is troublesome. */
const UNICODE =
  'aé\u0301\u200d\u202e\ufeff\ufffd漢😀𠀀\u{30000}\u{e0001}\u{f0000}\u{10fffd}\t\n\r\u0001\u007f\u2028';

/** What PostgreSQL's types become, to the last digit. */
export const POSTGRES_VALUES: Readonly<Record<string, readonly ExactValue[]>> = {
  'whole numbers of 64 bits': [
    number("'9223372036854775807'::bigint", '9223372036854775807'),
    number("'-9223372036854775808'::bigint", '-9223372036854775808'),
    number('9007199254740993', '9007199254740993'),
    number('32767::smallint', '32767'),
    number('-2147483648', '-2147483648'),
    number('4294967295::oid', '4294967295'),
  ],
  'decimals of any length': [
    number('12345678901234567890123456789012345678::numeric(38)', '12345678901234567890123456789012345678'),
    number(
      "'-0.00000000000000000000000000000000000001'::numeric",
      '-0.00000000000000000000000000000000000001',
    ),
    number('1.10::numeric(10,2)', '1.10'),
    number("'NaN'::numeric", 'NaN'),
    number("'-Infinity'::numeric", '-Infinity'),
    number(`'${'9'.repeat(1_000)}'::numeric`, '9'.repeat(1_000)),
  ],
  'amounts of money': [text("'-12345678901234.56'::money", '-$12,345,678,901,234.56')],
  'floating-point numbers': [
    number('0.1::float8', '0.1'),
    number('1e-300::float8', '1e-300'),
    number("'1.7976931348623157e308'::float8", '1.7976931348623157e+308'),
    number("'5e-324'::float8", '5e-324'),
    number("'-0'::float8", '-0'),
    number("'NaN'::float8", 'NaN'),
    number("'Infinity'::float8", 'Infinity'),
    number("'-Infinity'::float4", '-Infinity'),
    number('0.1::float4', '0.1'),
    number('16777217::float8', '16777217'),
  ],
  'instants to the microsecond': [
    ["'2026-01-31 08:15:00.123456+00'::timestamptz", 'instant', '2026-01-31T08:15:00.123456Z'],
    ["'2026-07-01 00:30:00.1+05:45'::timestamptz", 'instant', '2026-06-30T18:45:00.1Z'],
    ["'1969-12-31 23:59:59.999999+00'::timestamptz", 'instant', '1969-12-31T23:59:59.999999Z'],
    ["'0001-01-01 00:00:00+00'::timestamptz", 'instant', '0001-01-01T00:00:00Z'],
    ["'9999-12-31 23:59:59+00'::timestamptz", 'instant', '9999-12-31T23:59:59Z'],
  ],
  'date-times without a zone': [
    ["'2026-01-31 08:15:00.123456'::timestamp", 'datetime', '2026-01-31T08:15:00.123456'],
    ["'1883-11-18 12:03:58'::timestamp", 'datetime', '1883-11-18T12:03:58'],
    ["'2026-03-29 02:30:00'::timestamp", 'datetime', '2026-03-29T02:30:00'],
  ],
  'dates in any century': [
    ["'2026-01-01'::date", 'date', '2026-01-01'],
    ["'1969-12-31'::date", 'date', '1969-12-31'],
    ["'0001-01-01'::date", 'date', '0001-01-01'],
  ],
  'moments that ISO 8601 cannot express': [
    ["'infinity'::timestamptz", 'instant', 'infinity'],
    ["'-infinity'::timestamp", 'datetime', '-infinity'],
    ["'infinity'::date", 'date', 'infinity'],
    ["'0044-03-15 10:00:00+00 BC'::timestamptz", 'instant', '0044-03-15 10:00:00+00 BC'],
    ["'0044-03-15 10:00:00 BC'::timestamp", 'datetime', '0044-03-15 10:00:00 BC'],
    ["'0044-03-15 BC'::date", 'date', '0044-03-15 BC'],
    ["'10000-01-01 00:00:00+00'::timestamptz", 'instant', '10000-01-01 00:00:00+00'],
    ["'10000-01-01 00:00:00'::timestamp", 'datetime', '10000-01-01 00:00:00'],
    ["'10000-01-01'::date", 'date', '10000-01-01'],
  ],
  'times and intervals': [
    text("'08:15:00.123456'::time", '08:15:00.123456'),
    text("'08:15:00+05:30'::timetz", '08:15:00+05:30'),
    text("'1 year 2 months 3 days 04:05:06.789'::interval", 'P1Y2M3DT4H5M6.789S'),
    text("'-1 day +02:00'::interval", 'P-1DT2H'),
    text("'0'::interval", 'PT0S'),
  ],
  'truth values': [
    ['true', 'boolean', true],
    ['false', 'boolean', false],
    ['NULL::boolean', 'boolean', null],
  ],
  bytes: [
    ["'\\xdeadbeef00ff'::bytea", 'binary', Buffer.from('deadbeef00ff', 'hex')],
    ["''::bytea", 'binary', Buffer.alloc(0)],
  ],
  'identifiers and addresses': [
    text("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
    text("'192.168.100.128/25'::inet", '192.168.100.128/25'),
    text("B'1011'", '1011'),
    text('point(1.5,-2)', '(1.5,-2)'),
    text("'pg_class'::regclass", 'pg_class'),
  ],
  'JSON values': [
    json(
      `'{"b": 9007199254740993, "a": [1.10, null, "x"]}'::json`,
      '{"b": 9007199254740993, "a": [1.10, null, "x"]}',
    ),
    json(`'{"b": 9007199254740993, "a": 1.10}'::jsonb`, '{"a": 1.10, "b": 9007199254740993}'),
    json(`'"text"'::jsonb`, '"text"'),
    json(`'null'::jsonb`, 'null'),
    json(`'12345678901234567890123456789.123456789'::jsonb`, '12345678901234567890123456789.123456789'),
    ['NULL::jsonb', 'json', null],
  ],
  'arrays of numbers': [
    json("'{1,NULL,-3}'::int[]", '[1,null,-3]'),
    json("'{1,32767}'::smallint[]", '[1,32767]'),
    json("'{9223372036854775807,5}'::bigint[]", '["9223372036854775807",5]'),
    json('ARRAY[0.10, 12345678901234567890.5]', '[0.10,"12345678901234567890.5"]'),
    json("'{-1234567.12345678,0.000001234567890123}'::numeric[]", '[-1234567.12345678,0.000001234567890123]'),
    json("'{NaN,Infinity,1e+20,-1.5e-07}'::float8[]", '["NaN","Infinity",1e+20,-1.5e-07]'),
    json("'{}'::int[]", '[]'),
    ['NULL::int[]', 'json', null],
  ],
  'arrays of texts': [
    json(
      `ARRAY['a', '', NULL, 'NULL', 'null', 'a,b', '{c}', 'q"q', 'b\\s', E'n\\nl', ' s ']`,
      JSON.stringify(['a', '', null, 'NULL', 'null', 'a,b', '{c}', 'q"q', 'b\\s', 'n\nl', ' s ']),
    ),
    json("'{a,b}'::varchar(3)[]", '["a","b"]'),
    json("ARRAY['x'::name]", '["x"]'),
    json("ARRAY['😀𠀀']", '["😀𠀀"]'),
  ],
  'nested arrays, and arrays that do not begin at 1': [
    json("'{{1,2},{3,NULL}}'::int[]", '[[1,2],[3,null]]'),
    json(`'{{{"a,}",b}},{{c,d}}}'::text[]`, '[[["a,}","b"]],[["c","d"]]]'),
    json("'[0:2]={1,2,3}'::int[]", '[1,2,3]'),
    json("'[-1:0][5:6]={{1,2},{3,4}}'::int[]", '[[1,2],[3,4]]'),
  ],
  'arrays of every other kind': [
    json('ARRAY[true,false,NULL]', '[true,false,null]'),
    json("ARRAY['\\xdead'::bytea]", '["3q0="]'),
    json("ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid]", '["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]'),
    json("ARRAY['2026-01-31'::date, 'infinity']", '["2026-01-31","infinity"]'),
    json(
      "ARRAY['2026-01-31 08:15:00.5+02'::timestamptz, 'infinity']",
      '["2026-01-31T06:15:00.5Z","infinity"]',
    ),
    json(
      "ARRAY['2026-01-31 08:15:00'::timestamp, '-infinity', '0044-03-15 10:00:00 BC']",
      '["2026-01-31T08:15:00Z","-infinity","0044-03-15 10:00:00 BC"]',
    ),
    json("ARRAY['1 day'::interval]", '["P1D"]'),
    json("ARRAY['08:15'::time]", '["08:15:00"]'),
    json("ARRAY['10.0.0.1'::inet]", '["10.0.0.1"]'),
    json("ARRAY['10.0.0.0/8'::cidr]", '["10.0.0.0/8"]'),
    json("ARRAY['08:00:2b:01:02:03'::macaddr]", '["08:00:2b:01:02:03"]'),
    json("ARRAY[B'101']", '["101"]'),
    json("ARRAY['1.50'::money]", '["$1.50"]'),
    json('ARRAY[int4range(1,5)]', '["[1,5)"]'),
    json('ARRAY[point(1,2)]', '["(1,2)"]'),
    json("ARRAY[box '(1,1),(0,0)', box '(2,2),(1,1)']", '["(1,1),(0,0)","(2,2),(1,1)"]'),
    json("ARRAY['<a/>'::xml]", '["<a/>"]'),
    json("ARRAY['pg_class'::regclass]", '["pg_class"]'),
  ],
  'arrays of JSON': [
    json(`ARRAY['{"a": "x,y\\"z"}'::jsonb, '[1]', 'null', NULL]`, '[{"a": "x,y\\"z"},[1],null,null]'),
    json(`ARRAY['{"n": 9007199254740993}'::json]`, '[{"n": 9007199254740993}]'),
  ],
  'types of the user’s own': [
    text("'sad'::mood", 'sad'),
    json("ARRAY['sad','so so']::mood[]", '["sad","so so"]'),
    number('7::positive', '7'),
    json('ARRAY[7,8]::positive[]', '[7,8]'),
    json("ARRAY['2026-01-31 08:15:00+00']::moment[]", '["2026-01-31T08:15:00Z"]'),
    text("ROW(1,'a b')::pair", '(1,"a b")'),
    json("ARRAY[ROW(1,'a b')::pair]", `["(1,\\"a b\\")"]`),
    text("'[1,5)'::int4range", '[1,5)'),
    text("tsrange('2026-01-01', '2026-02-01')", '["2026-01-01 00:00:00","2026-02-01 00:00:00")'),
    json("'{1,2}'::scores", '[1,2]'),
    text("'1 2 3'::int2vector", '1 2 3'),
  ],
  'texts of every plane of Unicode': [text(`'${UNICODE}'`, UNICODE)],
  'texts that are easily taken for something else': [
    text("''", ''),
    ['NULL::text', 'text', null],
    text("'NULL'", 'NULL'),
    text('\'{"a":1}\'', '{"a":1}'),
    text("'it''s \"quoted\" \\'", `it's "quoted" \\`),
    text("'a'::char(3)", 'a  '),
    text("'007'", '007'),
  ],
  'texts of a megabyte': [text("repeat('aé😀 ', 131072)", 'aé😀 '.repeat(131_072))],
};
