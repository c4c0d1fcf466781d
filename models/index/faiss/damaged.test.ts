/** Files of FAISS as they are, and damaged: these need no FAISS, as the files lie beside. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { IndexParts } from '../parts.ts';
import { readFaiss } from './read.ts';
import { writeFaiss } from './write.ts';

const fixtures = join(import.meta.dirname, '../testing/fixtures');
const file = (name: string) => readFileSync(join(fixtures, `${name}.faiss`));
const supported = ['flat-ip', 'flat-l2', 'ivf', 'ivf-sparse', 'ivf-array', 'ivf-hashtable'];
const corrupt = { code: 'MR_INDEX_CORRUPT' };
const unsupported = { code: 'MR_INDEX_UNSUPPORTED' };

const rows = (count: number) =>
  Float32Array.from({ length: count * 2 }, (_, i) => (i % 2 === 0 ? i / 2 : (1 - i) / 4));
const ivf = (ids: readonly number[], listSizes: readonly number[]): IndexParts => ({
  dim: 2,
  metric: 'l2',
  centroids: rows(listSizes.length),
  listSizes: Int32Array.from(listSizes),
  ids: Int32Array.from(ids),
  vectors: rows(ids.length),
});

test('files of FAISS hold what they were made of', () => {
  for (const [name, metric] of [
    ['flat-ip', 'inner-product'],
    ['flat-l2', 'l2'],
  ] as const) {
    const ids = Int32Array.of(0, 1, 2, 3, 4);
    const parts = {
      dim: 2,
      metric,
      centroids: new Float32Array(0),
      listSizes: Int32Array.of(5),
      ids,
      vectors: rows(5),
    };
    assert.deepEqual(readFaiss(file(name)), { parts });
    assert.deepEqual(Buffer.from(writeFaiss(parts)), file(name));
  }
  const read = (name: string) => readFaiss(file(name));
  const shuffled = ivf([4, 9, 2, 2 ** 31 - 1], [1, 1, 2]);
  assert.deepEqual(read('ivf'), { parts: shuffled, nprobe: 2 });
  const calibration = { nprobe: 2, target: 0.95, at: 100, curve: [] } as const;
  assert.deepEqual(Buffer.from(writeFaiss({ ...shuffled, calibration })), file('ivf'));
  assert.deepEqual(read('ivf-sparse'), { parts: ivf([4, 9], [1, 1, 0, 0, 0]), nprobe: 2 });
  assert.deepEqual(read('ivf-array'), { parts: ivf([0, 1, 2, 3], [1, 1, 2]), nprobe: 2 });
  assert.deepEqual(read('ivf-hashtable'), { parts: ivf([4, 9, 2, 7], [1, 1, 2]), nprobe: 2 });
});

test('what FAISS has and Millrace has not is refused by code', () => {
  const names = readdirSync(fixtures).filter((name) => name.startsWith('unsupported-'));
  assert.equal(names.length, 4);
  for (const name of names) {
    assert.throws(() => readFaiss(readFileSync(join(fixtures, name))), unsupported, name);
  }
  const lists = file('ivf');
  lists.write('ilod', lists.indexOf('ilar'));
  assert.throws(() => readFaiss(lists), unsupported);
});

test('a list chooser of another metric is refused: lists would be searched in another order', () => {
  const changed = file('ivf');
  const quantizer = changed.indexOf('IxF2');
  changed.write('IxFI', quantizer);
  assert.throws(() => readFaiss(changed), corrupt);
  changed.writeInt32LE(0, quantizer + 33);
  assert.throws(() => readFaiss(changed), unsupported);
});

test('cut at any length, or longer, a file is refused', () => {
  for (const name of supported) {
    const bytes = file(name);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => readFaiss(bytes.subarray(0, length)), corrupt, `${name}, ${length} bytes`);
    }
    assert.throws(() => readFaiss(Buffer.concat([bytes, Buffer.of(0)])), corrupt, name);
  }
});

test('whatever number is written anywhere, a file is read or refused by code, without memory for what is not there', () => {
  const numbers = [0n, 1n, 2n ** 31n, 2n ** 40n, 2n ** 61n + 5n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n];
  const codes = ['MR_INDEX_CORRUPT', 'MR_INDEX_UNSUPPORTED', 'MR_INDEX_VECTOR'];
  let refused = 0;
  for (const name of supported) {
    for (let at = 0; at + 8 <= file(name).length; at++) {
      for (const number of numbers) {
        const bytes = file(name);
        bytes.writeBigUInt64LE(number, at);
        try {
          readFaiss(bytes);
        } catch (error) {
          refused++;
          assert.ok(
            codes.includes((error as { code: string }).code),
            `${name}, ${number} at ${at}: ${error}`,
          );
        }
      }
    }
  }
  assert.ok(refused > 1000, `${refused}`);
});

test('sizes that do not fit together are refused', () => {
  const change = (name: string, anchor: string, offset: number, value: bigint) => {
    const bytes = file(name);
    bytes.writeBigUInt64LE(value, bytes.indexOf(anchor) + offset);
    assert.throws(() => readFaiss(bytes), corrupt, `${name}: ${anchor} + ${offset}`);
  };
  change('flat-ip', 'IxFI', 8, 4n);
  change('ivf', 'IwFl', 8, 3n);
  change('ivf', 'IwFl', 37, 2n);
  change('ivf', 'IwFl', 45, 0n);
  change('ivf', 'IxF2', 8, 2n);
  change('ivf', 'ilar', 4, 2n);
  change('ivf', 'ilar', 12, 12n);
  change('ivf', 'full', 12, 2n);
  change('ivf', 'full', 12, 2n ** 64n - 1n);
  change('ivf-sparse', 'sprs', 12, 9n);
  change('ivf-sparse', 'sprs', 28, 0n);
  const form = file('ivf');
  form.write('none', form.indexOf('full'));
  assert.throws(() => readFaiss(form), corrupt);
  const id = file('ivf');
  id.writeBigInt64LE(-1n, id.length - 8);
  assert.throws(() => readFaiss(id), unsupported);
  id.writeBigInt64LE(2n, id.length - 8);
  assert.throws(() => readFaiss(id), corrupt, 'an id twice');
  const nan = file('flat-l2');
  nan.writeFloatLE(Number.NaN, nan.length - 4);
  assert.throws(() => readFaiss(nan), { code: 'MR_INDEX_VECTOR' });
});
