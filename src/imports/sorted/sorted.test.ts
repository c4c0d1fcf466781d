import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { test } from 'node:test';
import { seededRandom } from '#models';
import { temporaryDirectory, testSeed } from '#platform/testing';
import type { RecordKind } from './record-layout.ts';
import { RunMerge } from './run-merge.ts';
import { RunWriter } from './run-writer.ts';

type Record = {
  readonly time: number;
  readonly order: number;
  readonly kind: RecordKind;
  readonly key: string;
  readonly value: string;
};

const encode = (value: string, target: Buffer, at: number): number => {
  const missing = at + Buffer.byteLength(value) - target.length;
  return missing > 0 ? -missing : at + target.write(value, at);
};

function merged(paths: readonly string[]): Record[] {
  const merge = new RunMerge(paths);
  const records: Record[] = [];
  for (let { next } = merge; next !== undefined; { next } = merge) {
    const { time, order, kind, key, value } = next;
    records.push({ time, order, kind, key: String(key), value: String(value) });
    merge.advance();
  }
  merge.close();
  return records;
}

test('runs of any size merge into the order of time, order and adding', (t) => {
  const random = seededRandom(testSeed);
  for (const count of [0, 1, 2, 50, 2_000]) {
    for (const runBytes of [64, 1_000, 1 << 20]) {
      const writer = new RunWriter(temporaryDirectory(t), runBytes);
      const records = Array.from({ length: count }, (_, i): Record => {
        const isLong = random.uniform() < 0.02;
        return {
          time: Math.floor(random.uniform() * 40) - 2,
          order: Math.floor(random.uniform() * 3),
          kind: random.uniform() < 0.5 ? 'items' : 'interactions',
          key: `ü${i}`,
          value: `${i}`.padEnd(isLong ? 700_000 : Math.floor(random.uniform() * 30)),
        };
      });
      for (const record of records) writer.add(record, encode);
      const expected = records.toSorted((a, b) => a.time - b.time || a.order - b.order);
      const actual = merged(writer.finish());
      assert.equal(actual.length, count);
      for (const [i, record] of actual.entries()) assert.deepEqual(record, expected[i], `seed ${testSeed}`);
    }
  }
});

test('a run that is cut is refused, not taken for a shorter one', (t) => {
  const writer = new RunWriter(temporaryDirectory(t), 1_000);
  for (let time = 0; time < 5; time++)
    writer.add({ time, order: 0, kind: 'items', key: 'k', value: 'value' }, encode);
  const [path = ''] = writer.finish();
  truncateSync(path, 40);
  assert.throws(() => merged([path]), { code: 'MR_IMPORT_RUN_DAMAGED' });
});
