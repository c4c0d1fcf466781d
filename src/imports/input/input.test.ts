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
import { linesOf } from './lines.ts';

type Row = { readonly line: number; readonly fields: readonly string[] };
type Parsed = { readonly rows: readonly Row[]; readonly malformed: readonly string[] };

/** Cut into chunks of these lengths, the last one repeated. */
async function parse(
  bytes: Buffer,
  cuts: readonly number[] = [bytes.length],
  isQuoted = true,
): Promise<Parsed> {
  const rows: Row[] = [];
  const malformed: string[] = [];
  const delimited = new DelimitedRows(
    { delimiter: ',', isQuoted },
    {
      row: (fields, line) => rows.push({ line, fields }),
      malformed: (line, _, reason) => malformed.push(`${line} ${reason}`),
    },
  );
  for await (const block of linesOf(chunks(bytes, cuts), { mayBeLatin1: false })) delimited.take(block);
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
