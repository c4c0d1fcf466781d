import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { errorCode } from '#platform';
import type { ProducerRecord } from '../../port.ts';
import { RecordBuffer } from '../../record-buffer.ts';
import { Append, hasNullKey, type Place, parcels } from './gathered.ts';
import { valuesOf } from './testing/model-partition.ts';

const record = (value: string, timestamp = 1): ProducerRecord => ({
  key: null,
  value: Buffer.from(value),
  timestamp,
});

const identity = {
  producerId: 1,
  epoch: 0,
  sequence: 0,
  isTransactional: false,
  compression: 'none',
} as const;

type Settled = { place?: Place; error?: unknown; times: number };

function appendOf(values: readonly string[], asBuffer: boolean): { append: Append; settled: Settled } {
  const settled: Settled = { times: 0 };
  const records = values.map((value) => record(value));
  const append = new Append(
    asBuffer ? RecordBuffer.of(records) : records,
    (place) => {
      settled.place = place;
      settled.times++;
    },
    (error) => {
      settled.error = error;
      settled.times++;
    },
  );
  return { append, settled };
}

test('however appends are cut into batches, each learns where its own records are', () => {
  const someAppends = fc.array(
    fc.record({ lengths: fc.array(fc.nat(300), { minLength: 1, maxLength: 6 }), asBuffer: fc.boolean() }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(someAppends, fc.integer({ min: 100, max: 2000 }), fc.nat(3), (shapes, maxBytes, splits) => {
      const appends = shapes.map(({ lengths, asBuffer }, i) => {
        const values = lengths.map((length, n) => `${i}/${n} `.padEnd(length, '.'));
        return { values, ...appendOf(values, asBuffer) };
      });
      let batches = parcels(
        appends.map(({ append }) => append),
        maxBytes,
      );
      for (let i = 0; i < splits; i++) {
        batches = batches.flatMap((parcel) => {
          const parts = parcel.split(true);
          return parts.length === 0 ? [parcel] : parts;
        });
      }
      const log: string[] = [];
      for (const parcel of batches) {
        // Others write in between.
        log.push('another producer');
        const baseOffset = log.length;
        log.push(...valuesOf(parcel.builder.finish(identity)));
        parcel.appended(baseOffset);
      }
      for (const { values, settled } of appends) {
        assert.equal(settled.times, 1);
        const { baseOffset, nextOffset } = settled.place as Place;
        const found = log.slice(baseOffset, nextOffset).filter((value) => value !== 'another producer');
        assert.deepEqual(found, values);
      }
    }),
    { numRuns: 100 },
  );
});

test('an append that can not be encoded fails alone', () => {
  const [first, last] = [appendOf(['a'], false), appendOf(['b'], true)];
  const bad: Settled = { times: 0 };
  const wrong = new Append(
    [record('x'), record('y', 1.5)],
    () => assert.fail('it has no place'),
    (error) => {
      bad.error = error;
      bad.times++;
    },
  );
  const batches = parcels([first.append, wrong, last.append], 1000);
  assert.equal(errorCode(bad.error), 'MR_LOG_INVALID_RECORD');
  assert.equal(bad.times, 1);
  assert.deepEqual(
    batches.flatMap((parcel) => valuesOf(parcel.builder.finish(identity))),
    ['a', 'b'],
  );
});

test('an append fails when any of its batches does, and once', () => {
  const { append, settled } = appendOf(['a'.repeat(500), 'b'.repeat(500), 'c'.repeat(500)], false);
  const [first, second, third] = parcels([append], 300);
  first?.appended(0);
  second?.failed(new Error('second'));
  assert.equal(settled.times, 0);
  third?.failed(new Error('third'));
  assert.equal(settled.times, 1);
  assert.match(String(settled.error), /second/);
});

test('a batch is split by appends first, then by halves, and a record not at all', () => {
  const [one, other] = [appendOf(['a', 'b', 'c', 'd'], false), appendOf(['e'], true)];
  const [both] = parcels([one.append, other.append], 10_000);
  const parts = both?.split(false) ?? [];
  const values = (parcel: { builder: { finish(id: typeof identity): Buffer } }) =>
    valuesOf(parcel.builder.finish(identity));
  assert.deepEqual(parts.map(values), [['a', 'b', 'c', 'd'], ['e']]);
  const [whole, single] = parts;
  assert.deepEqual(whole?.split(false), [], 'half an append would be appended');
  assert.ok((whole?.split(true).length ?? 0) > 1);
  assert.deepEqual(single?.split(true), []);
});

test('null keys are found in both forms', () => {
  const keyed = { ...record('a'), key: Buffer.from('k') };
  assert.equal(hasNullKey([keyed]), false);
  assert.equal(hasNullKey([keyed, record('b')]), true);
  assert.equal(hasNullKey(RecordBuffer.of([keyed])), false);
  assert.equal(hasNullKey(RecordBuffer.of([keyed, record('b')])), true);
});
