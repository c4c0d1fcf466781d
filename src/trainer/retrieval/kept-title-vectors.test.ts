import assert from 'node:assert/strict';
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Dataset, TitleEncoder } from '#models';
import { temporaryDirectory } from '#platform/testing';
import { keepTitleVectors, keptTitleVectors, withTitleVectors } from './title-vectors.ts';

const encoder = [{ name: 'model.onnx', bytes: 1, sha256: 'aa' }];
const vectors = new Map([
  ['Trail running', Float32Array.of(1, 2, 3)],
  ['Wälnut "cake"', Float32Array.of(-1, 0, 0.1)],
]);

test('vectors of titles come back bit by bit, for the files of the encoder that they are of', async (t) => {
  const directory = join(temporaryDirectory(t), 'made-for-them');
  assert.deepEqual(await keptTitleVectors(directory, encoder), new Map());
  await keepTitleVectors(directory, encoder, vectors);
  assert.deepEqual(await keptTitleVectors(directory, encoder), vectors);
  const other = [{ name: 'model.onnx', bytes: 1, sha256: 'ab' }];
  assert.deepEqual(await keptTitleVectors(directory, other), new Map());
  assert.deepEqual(await keptTitleVectors(directory, [...encoder, ...other]), new Map());
  const one = new Map([...vectors].slice(1));
  await keepTitleVectors(directory, encoder, one);
  assert.deepEqual(await keptTitleVectors(directory, encoder), one, 'no more than is in use');
});

test('of a file with any byte changed, or cut anywhere, nothing wrong is taken', async (t) => {
  const directory = temporaryDirectory(t);
  await keepTitleVectors(directory, encoder, vectors);
  const [name = ''] = readdirSync(directory);
  const whole = readFileSync(join(directory, name));
  const check = async (bytes: Uint8Array) => {
    writeFileSync(join(directory, name), bytes);
    const kept = await keptTitleVectors(directory, encoder);
    if (kept.size > 0) assert.deepEqual(kept, vectors);
  };
  const place = fc.nat({ max: whole.length - 1 });
  const changed = fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), async (at, change) => {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] as number) ^ change;
    await check(bytes);
  });
  await fc.assert(changed, { numRuns: 300 });
  await fc.assert(fc.asyncProperty(place, (length) => check(whole.subarray(0, length))));
});

test('those of three encoders stay, the newest', async (t) => {
  const directory = temporaryDirectory(t);
  const encoders = ['a', 'b', 'c', 'd'].map((sha256) => [{ name: 'model.onnx', bytes: 1, sha256 }]);
  for (const [n, each] of encoders.entries()) {
    const before = readdirSync(directory);
    await keepTitleVectors(directory, each, vectors);
    for (const name of readdirSync(directory)) {
      if (!before.includes(name)) utimesSync(join(directory, name), n, n);
    }
  }
  const kept = await Promise.all(encoders.map((each) => keptTitleVectors(directory, each)));
  assert.deepEqual(
    kept.map(({ size }) => size),
    [0, 2, 2, 2],
  );
});

test('a training encodes the titles that none has encoded before, and no others', async (t) => {
  const dataDirectory = temporaryDirectory(t);
  const path = join(import.meta.dirname, '../../../models/text-encoder/testing/tfidf/model.onnx');
  const read = async (...titles: string[]) => {
    const dataset = { titles, data: {} } as unknown as Dataset;
    const { data } = await withTitleVectors(dataset, { path, dataDirectory });
    return [...(data.itemTexts?.values ?? [])];
  };
  assert.deepEqual(await read('', ' '), [0, 0, 0, 0, 0, 0]);
  const first = await read('Trail map', '', 'Trail map');
  assert.deepEqual(first.slice(3), [0, 0, 0, ...first.slice(0, 3)]);
  const opened = await TitleEncoder.open(path);
  const cake = [...(await opened.encode('Carrot cake'))];
  await opened.close();
  // Other than the encoder would have it, so as to tell where it is from.
  const made = new Map([['Trail map', Float32Array.of(7, 8, 9)]]);
  await keepTitleVectors(join(dataDirectory, 'title-vectors'), opened.files, made);
  assert.deepEqual(await read('Carrot cake', 'Trail map'), [...cake, 7, 8, 9]);
  assert.deepEqual(await read('Trail map', 'Carrot cake'), [7, 8, 9, ...cake]);
});
