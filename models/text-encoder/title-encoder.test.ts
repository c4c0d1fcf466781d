import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { sha256 } from '../artifact/manifest.ts';
import { tokenVectors, vocabulary, writeTokenEncoder } from './testing/token-encoder.ts';
import { TitleEncoder } from './title-encoder.ts';

const fixtures = join(import.meta.dirname, 'testing');
/** What testing/make-fixtures.py has just made, where it could. */
const exported = process.env.EXPORTED_MODELS;
const skip = exported === undefined && 'no EXPORTED_MODELS: testing/make-fixtures.py makes them';

async function encoded(path: string, titles: readonly string[]): Promise<number[][]> {
  const encoder = await TitleEncoder.open(path);
  try {
    const vectors: number[][] = [];
    for (const title of titles) vectors.push([...(await encoder.encode(title))]);
    return vectors;
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

function atLength1(vector: readonly number[]): number[] {
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}

/** The mean of the vectors of some tokens, at length 1. */
function meanOf(...tokens: string[]): number[] {
  const own = tokens.map((token) => tokenVectors[vocabulary.indexOf(token)] as readonly number[]);
  return atLength1([0, 1, 2].map((d) => own.reduce((total, vector) => total + (vector[d] as number), 0)));
}

test('a title is the mean of its tokens, those of its frame too, and of no more than 64', async (t) => {
  const path = writeTokenEncoder(temporaryDirectory(t));
  const vectors = await encoded(path, ['Trail running', 'Walnut-Bréad  cake trail', 'trail '.repeat(99)]);
  assertClose(vectors[0], meanOf('[CLS]', 'trail', 'run', '##ning', '[SEP]'));
  assertClose(vectors[1], meanOf('[CLS]', 'walnut', '[UNK]', 'bread', 'cake', 'trail', '[SEP]'));
  assertClose(vectors[2], meanOf('[CLS]', ...Array(62).fill('trail'), '[SEP]'));
});

for (const name of ['bert', 'tfidf']) {
  const readsAlike = async (directory: string) => {
    const { titles, vectors } = JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8')) as {
      readonly titles: string[];
      readonly vectors: number[][];
    };
    const given = await encoded(join(directory, 'model.onnx'), titles);
    vectors.forEach((vector, title) => {
      assertClose(given[title], atLength1(vector));
    });
  };
  test(`${name}: reads titles as the framework does that exported it`, () =>
    readsAlike(join(fixtures, name)));
  test(`${name}: so it does fresh from its framework`, { skip }, () =>
    readsAlike(join(exported ?? '', name)),
  );
}

test('it says what it was read from: graph, weights, and tokens', async () => {
  const directory = join(fixtures, 'bert');
  const encoder = await TitleEncoder.open(join(directory, 'model.onnx'));
  await encoder.close();
  const files = ['model.onnx', 'model.onnx.data', 'tokenizer.json'].map((name) => {
    const bytes = readFileSync(join(directory, name));
    return { name, bytes: bytes.length, sha256: sha256(bytes) };
  });
  assert.deepEqual(encoder.files, files);
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
  writeFileSync(join(directory, 'tokenizer.json'), '{"model": {"type": "BPE"}}');
  rmSync(writeTokenEncoder(directory).replace('model.onnx', 'vocab.txt'));
  await refused(path, 'MR_TEXT_ENCODER_UNFIT');
  cpSync(join(fixtures, 'bert/model.onnx'), path);
  await refused(path, 'MR_TEXT_ENCODER_MISSING');
  const odd = [{ inputs: ['ids'] }, { inputs: ['input_ids', 'pixels'] }, { scale: Number.NaN }];
  for (const changes of odd) await refused(writeTokenEncoder(directory, changes), 'MR_TEXT_ENCODER_UNFIT');
});
