import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { sha256 } from '../artifact/manifest.ts';
import { tokenVectors, vocabulary, writeTokenEncoder } from './testing/token-encoder.ts';
import { TitleEncoder } from './title-encoder.ts';

async function encoded(path: string, titles: readonly string[]): Promise<number[][]> {
  const encoder = await TitleEncoder.open(path);
  try {
    const { width, values } = await encoder.encode(titles);
    return titles.map((_, row) => [...values.subarray(row * width, (row + 1) * width)]);
  } finally {
    await encoder.close();
  }
}

function assertClose(given: readonly number[] | undefined, expected: readonly number[]): void {
  assert.equal(given?.length, expected.length);
  given?.forEach((value, d) => {
    assert.ok(Math.abs(value - (expected[d] as number)) < 1e-5, `${given} is not ${expected}`);
  });
}

/** The mean of the vectors of some tokens, at length 1. */
function meanOf(...tokens: string[]): number[] {
  const own = tokens.map((token) => tokenVectors[vocabulary.indexOf(token)] as readonly number[]);
  const sum = [0, 1, 2].map((d) => own.reduce((total, vector) => total + (vector[d] as number), 0));
  const norm = Math.hypot(...sum);
  return sum.map((value) => value / norm);
}

test('a title is the mean of its tokens, whatever it is encoded beside', async (t) => {
  const path = writeTokenEncoder(temporaryDirectory(t));
  const titles = ['Trail running', '', 'cake', 'Walnut-Bréad  cake trail', 'cake', ' ', 'xyz'];
  const vectors = await encoded(path, titles);
  assertClose(vectors[0], meanOf('[CLS]', 'trail', 'run', '##ning', '[SEP]'));
  assertClose(vectors[2], meanOf('[CLS]', 'cake', '[SEP]'));
  assertClose(vectors[3], meanOf('[CLS]', 'walnut', '[UNK]', 'bread', 'cake', 'trail', '[SEP]'));
  assert.deepEqual(vectors[4], vectors[2]);
  for (const empty of [1, 5]) assert.deepEqual(vectors[empty], [0, 0, 0]);
  // By hundreds, in several runs.
  const many = Array.from({ length: 300 }, (_, i) => `${'trail '.repeat(i % 9)}cake`);
  const encodedAll = await encoded(path, many);
  assertClose(encodedAll[295], meanOf('[CLS]', ...Array(295 % 9).fill('trail'), 'cake', '[SEP]'));
  assert.deepEqual(await encoded(path, ['', '']), [
    [0, 0, 0],
    [0, 0, 0],
  ]);
});

test('it says what it was read from', async (t) => {
  const directory = temporaryDirectory(t);
  const encoder = await TitleEncoder.open(writeTokenEncoder(directory));
  await encoder.close();
  const text = Buffer.from(`${vocabulary.join('\n')}\n`);
  assert.deepEqual(
    encoder.files.map(({ name }) => name),
    ['model.onnx', 'vocab.txt'],
  );
  assert.deepEqual(encoder.files[1], { name: 'vocab.txt', bytes: text.length, sha256: sha256(text) });
});

test('an export that takes texts gives what its framework gives', async () => {
  const [vector] = await encoded(join(import.meta.dirname, 'testing/tfidf.onnx'), ['Trail running cake']);
  const ofScikitLearn = [0.35664858, 0.35664858, 0.46177217];
  const norm = Math.hypot(...ofScikitLearn);
  assertClose(
    vector,
    ofScikitLearn.map((value) => value / norm),
  );
});

test('what is not there, or no encoder of titles, is refused', async (t) => {
  const directory = temporaryDirectory(t);
  const refused = (path: string, code: string) => assert.rejects(encoded(path, ['cake']), { code });
  await refused(join(directory, 'none.onnx'), 'MR_TEXT_ENCODER_MISSING');
  const path = writeTokenEncoder(directory);
  writeFileSync(join(directory, 'vocab.txt'), 'cake\n');
  await refused(path, 'MR_TEXT_ENCODER_UNFIT');
  rmSync(join(directory, 'vocab.txt'));
  await refused(path, 'MR_TEXT_ENCODER_MISSING');
  writeFileSync(path, 'no graph');
  await refused(path, 'MR_TEXT_ENCODER_UNFIT');
  const odd = [{ inputs: ['ids'] }, { inputs: ['input_ids', 'pixels'] }, { scale: Number.NaN }];
  for (const changes of odd) await refused(writeTokenEncoder(directory, changes), 'MR_TEXT_ENCODER_UNFIT');
});
