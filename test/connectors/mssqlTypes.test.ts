import { expect, test } from 'vitest';
import type { Cell, ColumnKind } from '../../connectors/source.ts';
import { readAll } from './request.ts';
import { startTdsPeer, varchar } from './tdsPeer.ts';
import {
  COLLATION,
  columns,
  compressedRow,
  done,
  hex,
  inByte,
  inParts,
  inShort,
  row,
  u16,
  u32,
  u64,
  u8,
  utf16,
} from './tdsTokens.ts';

/* What the bytes of each type become, as MS-TDS has them; that SQL Server sends these bytes is its documentation's word. */

type Value = readonly [what: string, type: Buffer, value: Buffer, kind: ColumnKind, cell: Cell];

const UNICODE = 'aé\u0301\u200d\ufeff漢😀𠀀\u{10fffd}\t\n\u0001';
const nvarchar = Buffer.concat([hex('e7 4000'), COLLATION]);
const nvarcharMax = Buffer.concat([hex('e7 ffff'), COLLATION]);
const varcharIn = (collation: string) => Buffer.concat([hex('a7 4000'), hex(collation)]);
const decimal = (bytes: number, scale: number) => Buffer.concat([u8(0x6a, bytes, 38, scale)]);
const udt = Buffer.concat([hex('f0 ffff 00'), u8(3), utf16('sys'), u8(11), utf16('hierarchyid'), u16(0)]);
const MAX_DECIMAL = 'ffffffff 3f228a09 7ac4865a a84c3b4b';

const variant = (id: number, properties: string, value: string) => {
  const content = Buffer.concat([u8(id, hex(properties).length), hex(properties), hex(value)]);
  return Buffer.concat([u32(content.length), content]);
};
const VARIANT = hex('62 501f0000');

const VALUES: readonly Value[] = [
  ['INT', u8(0x38), u32(-2_147_483_648), 'number', '-2147483648'],
  ['TINYINT, without a sign', u8(0x26, 1), inByte(u8(255)), 'number', '255'],
  ['SMALLINT', u8(0x26, 2), inByte(hex('0080')), 'number', '-32768'],
  ['BIGINT', u8(0x26, 8), inByte(u64(9_223_372_036_854_775_807n)), 'number', '9223372036854775807'],
  ['BIGINT below zero', u8(0x7f), u64(-9_007_199_254_740_993n), 'number', '-9007199254740993'],
  ['BIT', u8(0x68, 1), inByte(u8(1)), 'boolean', true],
  ['BIT 0', u8(0x32), u8(0), 'boolean', false],
  ['MONEY, the most', u8(0x6e, 8), inByte(hex('ffffff7f ffffffff')), 'number', '922337203685477.5807'],
  ['MONEY, the least', u8(0x3c), hex('00000080 00000000'), 'number', '-922337203685477.5808'],
  ['MONEY of a ten-thousandth', u8(0x6e, 8), inByte(hex('ffffffff ffffffff')), 'number', '-0.0001'],
  ['SMALLMONEY', u8(0x6e, 4), inByte(u32(-2_147_483_648)), 'number', '-214748.3648'],
  ['DECIMAL(38,0)', decimal(17, 0), inByte(hex(`01 ${MAX_DECIMAL}`)), 'number', '9'.repeat(38)],
  ['DECIMAL(38,38)', decimal(17, 38), inByte(hex(`00 ${MAX_DECIMAL}`)), 'number', `-0.${'9'.repeat(38)}`],
  [
    'DECIMAL(28,10)',
    decimal(13, 10),
    inByte(hex('01 ffffff0f 6102253e 5ece4f20')),
    'number',
    '999999999999999999.9999999999',
  ],
  ['DECIMAL(19,4)', decimal(9, 4), inByte(hex('01 ffffe789 0423c78a')), 'number', '999999999999999.9999'],
  ['NUMERIC(9,2)', u8(0x6c, 5, 9, 2), inByte(hex('00 6e000000')), 'number', '-1.10'],
  ['REAL', u8(0x6d, 4), inByte(hex('cdcccc3d')), 'number', '0.1'],
  ['FLOAT', u8(0x6d, 8), inByte(hex('3433333333 33d33f')), 'number', '0.30000000000000004'],
  ['FLOAT, minus zero', u8(0x3e), hex('0000000000000080'), 'number', '-0'],
  ['DATE, the first', u8(0x28), inByte(hex('000000')), 'date', '0001-01-01'],
  ['DATE, the last', u8(0x28), inByte(hex('dab937')), 'date', '9999-12-31'],
  ['TIME(7)', u8(0x29, 7), inByte(hex('ffbf692ac9')), 'text', '23:59:59.9999999'],
  ['TIME(0)', u8(0x29, 0), inByte(hex('040000')), 'text', '00:00:04'],
  ['DATETIME2(7)', u8(0x2a, 7), inByte(hex('8730a72645 3e490b')), 'datetime', '2026-01-31T08:15:00.1234567'],
  ['DATETIME2(0)', u8(0x2a, 0), inByte(hex('7f5101 dab937')), 'datetime', '9999-12-31T23:59:59'],
  [
    'DATETIMEOFFSET(3)',
    u8(0x2b, 3),
    inByte(hex('9b418e01 3e490b 3c00')),
    'instant',
    '2026-01-31T07:15:00.123Z',
  ],
  ['DATETIME', u8(0x6f, 8), inByte(hex('ffffffff 01000000')), 'datetime', '1899-12-31T00:00:00.003'],
  ['DATETIME, the last', u8(0x3d), hex('7f242d00 ff818b01'), 'datetime', '9999-12-31T23:59:59.997'],
  ['DATETIME, the first', u8(0x3d), hex('462effff 02000000'), 'datetime', '1753-01-01T00:00:00.007'],
  ['SMALLDATETIME', u8(0x6f, 4), inByte(hex('ffff 9f05')), 'datetime', '2079-06-06T23:59:00'],
  [
    'UNIQUEIDENTIFIER',
    u8(0x24, 16),
    inByte(hex('2547980e 1cc5 f44b 9960 e1c80e27aba0')),
    'text',
    '0E984725-C51C-4BF4-9960-E1C80E27ABA0',
  ],
  ['NVARCHAR', nvarchar, inShort(utf16(UNICODE)), 'text_or_json', UNICODE],
  ['NVARCHAR, empty', nvarchar, inShort(Buffer.alloc(0)), 'text_or_json', ''],
  ['NCHAR', Buffer.concat([hex('ef 0600'), COLLATION]), inShort(utf16('a  ')), 'text_or_json', 'a  '],
  ['NVARCHAR(MAX)', nvarcharMax, inParts(utf16(UNICODE.repeat(50))), 'text_or_json', UNICODE.repeat(50)],
  ['NVARCHAR(MAX), empty', nvarcharMax, inParts(Buffer.alloc(0)), 'text_or_json', ''],
  [
    'NVARCHAR(MAX) of a length that is not said',
    nvarcharMax,
    Buffer.concat([hex('feffffffffffffff'), u32(4), utf16('ab'), u32(0)]),
    'text_or_json',
    'ab',
  ],
  ['VARCHAR', varchar(64), inShort(Buffer.from('Grüße \x80', 'latin1')), 'text_or_json', 'Grüße €'],
  [
    'VARCHAR in Cyrillic',
    varcharIn('19 04 d0 00 00'),
    inShort(hex('cff0e8e2e5f2')),
    'text_or_json',
    'Привет',
  ],
  ['VARCHAR in Japanese', varcharIn('11 04 d0 00 00'), inShort(hex('8abf')), 'text_or_json', '漢'],
  ['VARCHAR in UTF-8', varcharIn('09 04 d0 04 00'), inShort(Buffer.from(UNICODE)), 'text_or_json', UNICODE],
  [
    'VARCHAR in UTF-8 with its mark',
    varcharIn('09 04 d0 04 00'),
    inShort(Buffer.from('\ufeffa')),
    'text_or_json',
    '\ufeffa',
  ],
  [
    'TEXT',
    Buffer.concat([hex('23 ffffff7f'), COLLATION, u8(1), u16(1), utf16('t')]),
    Buffer.concat([inByte(Buffer.alloc(16)), Buffer.alloc(8), u32(1), hex('80')]),
    'text_or_json',
    '€',
  ],
  ['XML', hex('f1 00'), inParts(utf16('\ufeff<a>漢</a>')), 'text', '<a>漢</a>'],
  ['VARBINARY', hex('a5 4000'), inShort(hex('deadbeef00')), 'binary', hex('deadbeef00')],
  ['VARBINARY(MAX)', hex('a5 ffff'), inParts(hex('00ff').subarray(0, 2), 1), 'binary', hex('00ff')],
  ['hierarchyid', udt, inParts(hex('5ac0')), 'binary', hex('5ac0')],
  ['INT in a sql_variant', VARIANT, variant(0x38, '', 'ffffffff'), 'text', '-1'],
  ['DECIMAL in a sql_variant', VARIANT, variant(0x6a, '1302', '01 6e000000 00000000'), 'text', '1.10'],
  ['BIT in a sql_variant', VARIANT, variant(0x32, '', '01'), 'text', 'true'],
  [
    'DATETIME2 in a sql_variant',
    VARIANT,
    variant(0x2a, '00', '7f5101 dab937'),
    'text',
    '9999-12-31T23:59:59',
  ],
  ['VARCHAR in a sql_variant', VARIANT, variant(0xa7, '0904d00034 4000', '80'), 'text', '€'],
  ['NVARCHAR in a sql_variant', VARIANT, variant(0xe7, '0904d00034 4000', '3dd800de'), 'text', '😀'],
  ['VARBINARY in a sql_variant', VARIANT, variant(0xa5, '4000', 'ff'), 'text', '/w=='],
];

/** NULL, where it has bytes. */
const NULLS: readonly (readonly [what: string, type: Buffer, value: Buffer])[] = [
  ['INT', u8(0x26, 4), u8(0)],
  ['DECIMAL', decimal(17, 2), u8(0)],
  ['DATETIME2', u8(0x2a, 7), u8(0)],
  ['NVARCHAR', nvarchar, hex('ffff')],
  ['NVARCHAR(MAX)', nvarcharMax, hex('ffffffffffffffff')],
  ['TEXT', Buffer.concat([hex('23 ffffff7f'), COLLATION, u8(0)]), u8(0)],
  ['sql_variant', VARIANT, u32(0)],
  ['XML', hex('f1 00'), hex('ffffffffffffffff')],
];

const plain = (cell: Cell | undefined) =>
  cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : cell;

async function read(tokens: Buffer, packetBytes: number) {
  const peer = await startTdsPeer({
    answer: (sql) => (sql === 'SELECT v' ? (wire) => wire.send(tokens, { packetBytes }) : undefined),
  });
  const source = await peer.open();
  try {
    return await readAll(source, 'SELECT v');
  } finally {
    await source.close();
    await peer.stop();
  }
}

test.each([1, 3, 4_000])('each type comes through exactly, in packets of %i bytes', async (packetBytes) => {
  const described = columns(VALUES.map(([what, type]) => [what, type]));
  const values = VALUES.map(([, , value]) => value);
  const rows = [row(...values), compressedRow(...values), row(...values)];
  const answer = await read(Buffer.concat([described, ...rows, done(3)]), packetBytes);
  const expected = VALUES.map(([what, , , kind, cell]) => [what, kind, plain(cell)]);
  expect(answer.rows).toHaveLength(3);
  for (const cells of answer.rows) {
    expect(VALUES.map(([what], at) => [what, answer.columns[at]?.kind, plain(cells[at])])).toEqual(expected);
  }
});

test.each([1, 4_000])('NULL is NULL in each type, in packets of %i bytes', async (packetBytes) => {
  const described = columns(NULLS.map(([what, type]) => [what, type]));
  const rows = [row(...NULLS.map(([, , value]) => value)), compressedRow(...NULLS.map(() => null))];
  const answer = await read(Buffer.concat([described, ...rows, done(2)]), packetBytes);
  expect(answer.rows).toEqual([NULLS.map(() => null), NULLS.map(() => null)]);
});
