import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RecordBatch } from '../../port.ts';
import { type AbortedTransaction, readableBatches } from './readable-batches.ts';
import facts from './testing/read-committed.json' with { type: 'json' };
import { dataBatch, markerBatch } from './testing/stored-batches.ts';

const at = { topic: 't', partition: 0 };

const valuesOf = (batches: readonly RecordBatch[]) =>
  batches.flatMap((batch) => Array.from({ length: batch.count }, (_, i) => String(batch.value(i))));

type Row = readonly (string | number)[];
/** The facts name producers by numbers and by letters. */
const producerIdOf = (name: string | number | undefined): number =>
  typeof name === 'number' ? name : String(name).charCodeAt(0);

const storedRow = ([offset, producer, value, kind]: Row): Buffer =>
  kind === 'control'
    ? markerBatch(Number(offset), producerIdOf(producer), value as 'ABORT' | 'COMMIT')
    : dataBatch(Number(offset), producerIdOf(producer), [String(value)], true);

for (const { id, batches, aborted, expect, fetchOffset = 0 } of facts.cases) {
  test(`read committed: ${id}`, () => {
    const fetched = {
      ...at,
      records: Buffer.concat((batches as Row[]).map(storedRow)),
      aborted: (aborted as Row[]).map(([producer, firstOffset]) => ({
        producerId: producerIdOf(producer),
        firstOffset: Number(firstOffset),
      })),
    };
    const committed = readableBatches(fetched, fetchOffset, 'read-committed');
    assert.deepEqual(valuesOf(committed.batches), expect);
    assert.equal(committed.nextOffset, Number((batches as Row[]).at(-1)?.[0]) + 1);
    assert.equal(committed.batches.at(-1)?.nextOffset, committed.nextOffset);
    const data = (batches as Row[]).filter((row) => row[3] !== 'control').map((row) => row[2]);
    assert.deepEqual(valuesOf(readableBatches(fetched, fetchOffset, 'read-uncommitted').batches), data);
  });
}

test('an aborted transaction ends with an abort marker and hides what belongs to transactions, as for the Java client', () => {
  const records = Buffer.concat([
    dataBatch(0, 7, ['aborted'], true),
    markerBatch(1, 7, 'COMMIT'),
    dataBatch(2, 7, ['aborted too'], true),
    dataBatch(3, 7, ['in no transaction'], false),
    markerBatch(4, 7, 'ABORT'),
    dataBatch(5, 7, ['committed'], true),
  ]);
  const aborted = [{ producerId: 7, firstOffset: 0 }];
  const { batches } = readableBatches({ ...at, records, aborted }, 0, 'read-committed');
  assert.deepEqual(valuesOf(batches), ['in no transaction', 'committed']);
});

test('an answer without a whole batch leaves the position where it is', () => {
  const cut = dataBatch(5, -1, ['a'], false).subarray(0, 68);
  for (const records of [null, Buffer.alloc(0), cut]) {
    const answer = readableBatches({ ...at, records, aborted: [] }, 5, 'read-committed');
    assert.deepEqual(answer, { batches: [], nextOffset: 5 });
  }
});

test('markers alone are a batch without records, so that a position gets past them', () => {
  const records = Buffer.concat([markerBatch(5, 1, 'COMMIT'), markerBatch(6, 2, 'COMMIT')]);
  const { batches, nextOffset } = readableBatches({ ...at, records, aborted: [] }, 5, 'read-committed');
  assert.deepEqual(
    batches.map(({ count, baseOffset, nextOffset: next }) => [count, baseOffset, next]),
    [[0, 5, 7]],
  );
  assert.equal(nextOffset, 7);
});

/** What a partition holds after some producers' steps, and what came of each record. */
class ModelPartition {
  readonly batches: { readonly offset: number; readonly nextOffset: number; readonly bytes: Buffer }[] = [];
  readonly #aborted: (AbortedTransaction & { readonly markerOffset: number })[] = [];
  readonly #open = new Map<number, { readonly firstOffset: number; readonly records: { fate: string }[] }>();
  readonly #records: { readonly offset: number; readonly value: string; fate: string }[] = [];
  end = 0;

  append(producerId: number, count: number, isTransactional: boolean): void {
    const records = Array.from({ length: count }, (_, i) => {
      const offset = this.end + i;
      return { offset, value: `${offset} of ${producerId}`, fate: isTransactional ? 'open' : 'committed' };
    });
    const values = records.map(({ value }) => value);
    this.#records.push(...records);
    if (isTransactional) {
      const open = this.#open.get(producerId) ?? { firstOffset: this.end, records: [] };
      open.records.push(...records);
      this.#open.set(producerId, open);
    }
    this.#store(dataBatch(this.end, producerId, values, isTransactional), count);
  }

  finish(producerId: number, type: 'ABORT' | 'COMMIT'): void {
    const open = this.#open.get(producerId);
    this.#open.delete(producerId);
    for (const record of open?.records ?? []) record.fate = type === 'ABORT' ? 'aborted' : 'committed';
    if (open !== undefined && type === 'ABORT') {
      this.#aborted.push({ producerId, firstOffset: open.firstOffset, markerOffset: this.end });
    }
    this.#store(markerBatch(this.end, producerId, type), 1);
  }

  #store(bytes: Buffer, offsets: number): void {
    this.batches.push({ offset: this.end, nextOffset: this.end + offsets, bytes });
    this.end += offsets;
  }

  get stable(): number {
    return Math.min(this.end, ...Array.from(this.#open.values(), ({ firstOffset }) => firstOffset));
  }

  /** Whole batches from the one that holds `from` on, up to the last stable offset; the last of them may be cut. */
  fetch(from: number, count: number, cut: number) {
    const there = this.batches.filter((b) => b.nextOffset > from && b.offset < this.stable);
    const sent = there.slice(0, count);
    const beyond = there[count]?.bytes ?? Buffer.alloc(0);
    const upper = sent.at(-1)?.nextOffset ?? from;
    return {
      ...at,
      records: Buffer.concat([
        ...sent.map((b) => b.bytes),
        beyond.subarray(0, cut % Math.max(1, beyond.length)),
      ]),
      aborted: this.#aborted.filter((a) => a.markerOffset >= from && a.firstOffset < upper),
    };
  }

  committed(from: number): string[] {
    const visible = this.#records.filter(
      (r) => r.fate === 'committed' && r.offset >= from && r.offset < this.stable,
    );
    return visible.map(({ value }) => value);
  }
}

const step = fc.record({
  producerId: fc.integer({ min: 1, max: 4 }),
  count: fc.integer({ min: 1, max: 3 }),
  does: fc.constantFrom('append', 'append', 'append', 'plain', 'COMMIT', 'ABORT', 'ABORT'),
});

test('whatever transactions interleave, and wherever fetches begin, exactly what was committed is seen', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.nat(150),
      fc.infiniteStream(fc.integer({ min: 1, max: 6 })),
      fc.nat(80),
      (steps, start, sizes, cut) => {
        const partition = new ModelPartition();
        for (const { producerId, count, does } of steps) {
          if (does === 'append') partition.append(producerId, count, true);
          else if (does === 'plain') partition.append(producerId + 10, count, false);
          else partition.finish(producerId, does as 'COMMIT' | 'ABORT');
        }
        const from = Math.min(start, partition.stable);
        const seen: string[] = [];
        let position = from;
        while (position < partition.stable) {
          const fetched = partition.fetch(position, sizes.next().value, cut);
          const { batches, nextOffset } = readableBatches(fetched, position, 'read-committed');
          assert.ok(nextOffset > position);
          assert.equal(batches.at(-1)?.nextOffset, nextOffset);
          seen.push(...valuesOf(batches));
          position = nextOffset;
        }
        assert.equal(position, partition.stable);
        assert.deepEqual(seen, partition.committed(from));
      },
    ),
    { numRuns: 500 },
  );
});
