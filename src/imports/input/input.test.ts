import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { seededRandom } from '#models';
import { temporaryDirectory, testSeed } from '#platform/testing';
import { bytesOf } from './bytes.ts';
import { DelimitedRows } from './delimited.ts';
import type { Encoding } from './encodings.ts';
import { linesOf } from './lines.ts';

type Row = { readonly line: number; readonly fields: readonly string[] };
type Parsed = { readonly rows: readonly Row[]; readonly malformed: readonly string[] };

/** Cut into chunks of these lengths, the last one repeated. */
async function parse(
  bytes: Buffer,
  cuts: readonly number[] = [bytes.length],
  { isQuoted = true, width, encoding }: { isQuoted?: boolean; width?: number; encoding?: Encoding } = {},
): Promise<Parsed> {
  const rows: Row[] = [];
  const malformed: string[] = [];
  const delimited = new DelimitedRows(
    { delimiter: ',', isQuoted },
    {
      width,
      row: (fields, line) => rows.push({ line, fields }),
      malformed: (line, _, reason) => malformed.push(`${line} ${reason}`),
    },
  );
  for await (const block of linesOf(chunks(bytes, cuts), { mayBeLatin1: false, encoding }))
    delimited.take(block);
  delimited.end();
  return { rows, malformed };
}

async function* chunks(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = Math.max(1, cuts[Math.min(i, cuts.length - 1)] ?? 1);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

test('quoted fields as RFC 4180 says, marks and line ends of every kind, wherever the bytes are cut', async () => {
  const text = '\uFEFFa,b\r\n"x,1","say ""hi"""\n\n"two\nlines",é\n"",last';
  const expected = [
    { line: 1, fields: ['a', 'b'] },
    { line: 2, fields: ['x,1', 'say "hi"'] },
    { line: 4, fields: ['two\nlines', 'é'] },
    { line: 6, fields: ['', 'last'] },
  ];
  const bytes = Buffer.from(text);
  for (let cut = 1; cut <= bytes.length; cut++) {
    assert.deepEqual(await parse(bytes, [cut]), { rows: expected, malformed: [] }, `cut ${cut}`);
  }
});

test('any table written as CSV is read as it was, whatever the cuts', async () => {
  const random = seededRandom(testSeed);
  const pick = (from: readonly string[]) => from[Math.floor(random.uniform() * from.length)] as string;
  for (let round = 0; round < 200; round++) {
    const table = Array.from({ length: 1 + Math.floor(random.uniform() * 6) }, () =>
      Array.from({ length: 2 }, () =>
        Array.from({ length: Math.floor(random.uniform() * 5) }, () =>
          pick(['a', '"', ',', '\n', 'é', ' ', '😀']),
        ).join(''),
      ),
    );
    const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;
    const isPlain = (field: string) => !/[",\n]/.test(field) && random.uniform() < 0.5;
    const text = table.map((row) => row.map((f) => (isPlain(f) ? f : quoted(f))).join(',')).join('\n');
    const cuts = Array.from({ length: 5 }, () => 1 + Math.floor(random.uniform() * 7));
    const { rows, malformed } = await parse(Buffer.from(text), cuts);
    assert.deepEqual(malformed, [], `seed ${testSeed}`);
    assert.deepEqual(
      rows.map(({ fields }) => fields),
      table,
      `seed ${testSeed}`,
    );
  }
});

test('a quote that is never closed costs its own line alone', async () => {
  const rest = Array.from({ length: 1_500 }, (_, i) => `${i},x`).join('\n');
  const { rows, malformed } = await parse(Buffer.from(`"open,1\n${rest}\n"also,2\nlast,3`));
  assert.deepEqual(malformed, ['1 a quoted field is not closed', '1502 a quoted field is not closed']);
  assert.equal(rows.length, 1_501);
  assert.deepEqual(rows.at(-1), { line: 1503, fields: ['last', '3'] });
});

test('a stray quote costs its own line alone, whatever quotes follow', async () => {
  const plain = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i},x,y`);
  const laters: [string, string][] = [
    [
      '900,"proper",y',
      'a quoted field is not closed up to line 900: text stands after the closing quote of field 2',
    ],
    [
      '900,"say ""proper""",y',
      'a quoted field is not closed up to line 900: text stands after the closing quote of field 2',
    ],
    [
      '"900",x,y',
      'a quoted field is not closed up to line 900: text stands after the closing quote of field 2',
    ],
    ['900,",x",y', '4 fields instead of 3 if the quoted field ends in line 900'],
    ['900,"\nx",y', '2 fields instead of 3 if the quoted field ends in line 900'],
    ['900,"",y', 'a quoted field is not closed'],
  ];
  for (const [later, reason] of laters) {
    const lines = [...plain(1, 10), '10,"opens,y', ...plain(11, 900), later, ...plain(901, 1_201)];
    const { rows, malformed } = await parse(Buffer.from(lines.join('\n')), [777], { width: 3 });
    assert.deepEqual(malformed, [`10 ${reason}`], later);
    assert.deepEqual(
      rows.map(({ fields }) => fields[0]),
      lines
        .filter((_, i) => i !== 9)
        .join('\n')
        .match(/^"?\d+/gm)
        ?.map((id) => id.replace('"', '')),
      later,
    );
  }
});

test('a quote inside a field is a character, and one that closes has to end the field', async () => {
  const text = '1,5" wide,y\n2,a "b" c,y\n3,"a" b,y\n4,"a"" b\n5,x,y\n6,"a\nb"c,y\n7, "a",y\n"8",""";""","y"';
  const { rows, malformed } = await parse(Buffer.from(text), [3], { width: 3 });
  assert.deepEqual(
    rows.map(({ fields }) => fields),
    [
      ['1', '5" wide', 'y'],
      ['2', 'a "b" c', 'y'],
      ['5', 'x', 'y'],
      ['b"c', 'y'],
      ['7', ' "a"', 'y'],
      ['8', '";"', 'y'],
    ],
  );
  assert.deepEqual(malformed, [
    '3 text stands after the closing quote of field 2',
    '4 a quoted field is not closed up to line 6: text stands after the closing quote of field 2',
    '6 a quoted field is not closed up to line 7: text stands after the closing quote of field 2',
  ]);
});

test('without quoted fields every quote is a character', async () => {
  const { rows, malformed } = await parse(Buffer.from('1,"x\n2,"y"\n'), [2], { isQuoted: false });
  assert.deepEqual([rows.map(({ fields }) => fields[1]), malformed], [['"x', '"y"'], []]);
});

test('stray quotes cost each its line, wherever they are and however the bytes are cut', async () => {
  const random = seededRandom(testSeed);
  for (let round = 0; round < 50; round++) {
    const stray = Array.from({ length: 40 }, () => random.uniform() < 0.2);
    const text = stray.map((is, i) => `${i},${is ? '"' : ''}name ${i},y`).join('\n');
    const { rows, malformed } = await parse(Buffer.from(text), [1 + random.integer(50)], { width: 3 });
    assert.equal(malformed.length, stray.filter(Boolean).length, `seed ${testSeed}`);
    assert.deepEqual(
      rows.map(({ fields }) => Number(fields[0])),
      stray.flatMap((is, i) => (is ? [] : [i])),
      `seed ${testSeed}`,
    );
  }
});

test('a million characters after a quote that is not closed are not kept', async () => {
  const rest = Array.from({ length: 600 }, (_, i) => `${i},${'x'.repeat(4_000)},y`);
  const { rows, malformed } = await parse(Buffer.from(['1,"open,y', ...rest].join('\n')), [1 << 16], {
    width: 3,
  });
  assert.deepEqual([rows.length, malformed], [600, ['1 a quoted field is not closed']]);
});

test('encodings: UTF-16 by its mark, Latin-1 and Windows-1252 by name, wherever the bytes are cut', async () => {
  const text = 'a,b\r\nü€,😀\r\n"z\nz",ÿ';
  const expected = [
    ['a', 'b'],
    ['ü€', '😀'],
    ['z\nz', 'ÿ'],
  ];
  const utf16 = Buffer.from(`\uFEFF${text}`, 'utf16le');
  const swapped = Buffer.from(utf16).swap16();
  const latin1 = Buffer.from(text.replace('€', '').replace('😀', 'é'), 'latin1');
  const windows = Buffer.from(Buffer.from(text.replace('😀', 'é').replace('€', '\u0080'), 'latin1'));
  const fields = async (bytes: Buffer, cut: number, encoding?: Encoding) => {
    const { rows, malformed } = await parse(bytes, [cut], {
      width: 2,
      ...(encoding !== undefined && { encoding }),
    });
    assert.deepEqual(malformed, []);
    return rows.map((row) => row.fields);
  };
  for (let cut = 1; cut <= utf16.length; cut++) {
    assert.deepEqual(await fields(utf16, cut), expected);
    assert.deepEqual(await fields(swapped, cut, 'latin-1'), expected);
    assert.deepEqual(await fields(utf16.subarray(2), cut, 'utf-16le'), expected);
    assert.deepEqual(await fields(latin1, cut, 'latin-1'), [
      ['a', 'b'],
      ['ü', 'é'],
      ['z\nz', 'ÿ'],
    ]);
    assert.deepEqual(await fields(windows, cut, 'windows-1252'), [
      ['a', 'b'],
      ['ü€', 'é'],
      ['z\nz', 'ÿ'],
    ]);
    assert.deepEqual(await fields(Buffer.from(`\uFEFF${text}`), cut, 'latin-1'), expected);
  }
  const halved = Buffer.from('\uFEFFa,b\nx,\uD83D\nc,d\n\uDE00', 'utf16le');
  for (const cut of [1, 2, 3, 100]) {
    const { rows, malformed } = await parse(halved, [cut]);
    assert.deepEqual(
      rows.map((row) => row.fields),
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    );
    assert.deepEqual(malformed, ['2 the line is not UTF-16', '4 the line is not UTF-16']);
  }
  assert.deepEqual((await parse(Buffer.concat([utf16, Buffer.from('x')]))).malformed, [
    '3 a quoted field is not closed',
    '4 the line is not UTF-16',
  ]);
});

test('carriage returns end lines where there are no line feeds', async () => {
  const rows = [
    ['a', 'b'],
    ['c', 'd\ne'],
    ['f', 'g'],
  ];
  for (let cut = 1; cut < 16; cut++) {
    const read = await parse(Buffer.from('a,b\rc,"d\re"\rf,g\r'), [cut], { width: 2 });
    assert.deepEqual(
      read.rows.map(({ fields }) => fields),
      rows,
    );
    assert.deepEqual(read.malformed, []);
  }
  const inField = await parse(Buffer.from('a,"b\rc"\nd,e\n'), [2]);
  assert.deepEqual(
    inField.rows.map(({ fields }) => fields),
    [
      ['a', 'b\rc'],
      ['d', 'e'],
    ],
  );
});

test('a reader that stops early closes what it reads from', async () => {
  let closed = 0;
  async function* source(): AsyncGenerator<Buffer> {
    try {
      for (;;) yield Buffer.from('a,b\n');
    } finally {
      closed++;
    }
  }
  for await (const _ of linesOf(source(), { mayBeLatin1: false })) break;
  assert.equal(closed, 1);
});

test('bytes that are not UTF-8, and lines without end, are malformed by themselves', async () => {
  const long = Buffer.alloc((1 << 20) + 10, 'x');
  const bytes = Buffer.concat([Buffer.from('a,b\n'), Buffer.from([0xe9, 10]), long, Buffer.from('\nc,é\n')]);
  const { rows, malformed } = await parse(bytes, [1 << 16]);
  assert.deepEqual(rows, [
    { line: 1, fields: ['a', 'b'] },
    { line: 4, fields: ['c', 'é'] },
  ]);
  assert.deepEqual(malformed, ['2 the line is not UTF-8', '3 the line is longer than 1048576 bytes']);
});

test('gzip is told by its bytes; streams one after another are one; a truncated one is refused', async (t) => {
  const directory = temporaryDirectory(t);
  const read = async (name: string, content: Buffer) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    const hash = createHash('sha256');
    const parts: Buffer[] = [];
    const { signal } = new AbortController();
    for await (const part of bytesOf({ name, path }, { hash, onRead: () => {}, signal })) parts.push(part);
    return { text: Buffer.concat(parts).toString(), hash: hash.digest('hex') };
  };
  const long = 'row\n'.repeat(300_000);
  const plain = await read('plain', Buffer.from(long));
  const half = gzipSync(long.slice(0, long.length / 2));
  const twice = await read('packed.csv', Buffer.concat([half, half]));
  assert.deepEqual(twice, plain);
  assert.equal((await read('empty', Buffer.alloc(0))).text, '');
  assert.equal((await read('short', Buffer.from([0x1f]))).text, '\x1f');
  const whole = gzipSync(long);
  await assert.rejects(read('cut.gz', whole.subarray(0, whole.length - 9)), {
    code: 'MR_IMPORT_UNREADABLE',
    message: 'cut.gz cannot be read to its end: unexpected end of file.',
  });
  const damaged = Buffer.from(whole);
  damaged.fill(0xff, 20, 60);
  await assert.rejects(read('damaged.gz', damaged), { code: 'MR_IMPORT_UNREADABLE' });
});
