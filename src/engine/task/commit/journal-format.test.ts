import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { decodeJournalEntry, encodeJournalEntry, type JournalEntry } from './journal-format.ts';

const time = fc.oneof(
  fc.integer({ min: -1e6, max: 1.9e12 }),
  // Minus zero comes back as zero.
  fc.double({ noNaN: true }).map((ms) => ms + 0),
  fc.constant(Number.NEGATIVE_INFINITY),
);
const hex = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));

const plain = { noNullPrototype: true } as const;

/** Runs whose offsets ascend within each input, from where the commit begins. */
const entries: fc.Arbitrary<JournalEntry> = fc
  .record({
    isFirst: fc.boolean(),
    lacksRecords: fc.boolean(),
    committedAt: time,
    from: fc.array(fc.nat(2 ** 40), { minLength: 1, maxLength: 3 }),
    steps: fc.array(
      fc.record({
        processed: fc.boolean(),
        wallNow: time,
        watermark: time,
        followed: fc.array(fc.record({ input: fc.nat(2), wallNow: time }, plain), { maxLength: 2 }),
        runs: fc.array(
          fc.record({
            input: fc.nat(2),
            before: fc.nat(3),
            count: fc.integer({ min: 1, max: 1e6 }),
            within: fc.nat(3),
          }),
          { maxLength: 6 },
        ),
      }),
      { maxLength: 4 },
    ),
    stores: fc.array(fc.record({ name: fc.string(), digest: hex, fingerprint: hex }, plain), {
      maxLength: 3,
    }),
  })
  .map(({ from, steps, ...rest }) => {
    const next = [...from];
    const made = steps.map((step) => ({
      ...step,
      runs: step.runs.map(({ input: any, before, count, within }) => {
        const input = any % from.length;
        const first = (next[input] as number) + before;
        const last = first + count - 1 + within;
        next[input] = last + 1;
        return { input, first, last, count };
      }),
    }));
    const inputs = from.map((each, i) => ({ topic: `topic-${i}`, from: each, to: next[i] as number }));
    return { ...rest, inputs, steps: made };
  });

it('an entry decodes to what was encoded, and its parts to nothing', () => {
  fc.assert(
    fc.property(entries, fc.nat(), (entry, at) => {
      const bytes = encodeJournalEntry(entry);
      assert.deepEqual(decodeJournalEntry(bytes), entry);
      const cut = bytes.subarray(0, at % bytes.length);
      assert.throws(() => decodeJournalEntry(cut), { code: 'MR_JOURNAL_UNREADABLE' });
    }),
  );
});

it('bytes that are no entry are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
      try {
        decodeJournalEntry(Buffer.from(noise));
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'MR_JOURNAL_UNREADABLE');
      }
    }),
  );
});

it('a commit of one run takes a few dozen bytes beside its digests', () => {
  const wallNow = 1_790_000_000_000;
  const step = { processed: true, wallNow, watermark: wallNow - 500, followed: [] };
  const entry = {
    isFirst: false,
    lacksRecords: false,
    committedAt: wallNow + 90,
    inputs: [{ topic: 'interactions-accepted', from: 1e9, to: 1e9 + 2_000 }],
    steps: [{ ...step, runs: [{ input: 0, first: 1e9, last: 1e9 + 1_999, count: 2_000 }] }],
    stores: [],
  };
  assert.ok(encodeJournalEntry(entry).length < 60);
});
