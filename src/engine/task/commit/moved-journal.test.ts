import assert from 'node:assert/strict';
import { it } from 'node:test';
import { decodeJournalEntry, encodeJournalEntry, type JournalEntry } from './journal-format.ts';
import { journalValueWithoutOffsets, type MovedOffsets, movedJournalValue } from './moved-journal.ts';

const step = { processed: true, wallNow: 5, watermark: 4, followed: [{ input: 0, wallNow: 3 }] };
const entry: JournalEntry = {
  isFirst: true,
  lacksRecords: false,
  committedAt: 9,
  inputs: [
    { topic: 'left', from: 0, to: 8 },
    { topic: 'right', from: 2, to: 4 },
  ],
  steps: [
    {
      ...step,
      runs: [
        { input: 0, first: 1, last: 2, count: 2 },
        { input: 1, first: 2, last: 3, count: 2 },
        { input: 0, first: 5, last: 6, count: 2 },
      ],
    },
  ],
  stores: [{ name: 'sum/state', digest: 'aa', fingerprint: 'bb' }],
};
const key = Buffer.from('left-right-3');

/** Ten further on, where `has` says that a run is there. */
function shifted(has: (first: number) => boolean): MovedOffsets {
  return {
    position: (offset) => offset + 10,
    run: (first, last) => (has(first) ? { first: first + 10, last: last + 10 } : undefined),
  };
}

async function move(offsetsOf: (at: string) => MovedOffsets | undefined): Promise<JournalEntry> {
  const moved = await movedJournalValue(key, encodeJournalEntry(entry), async ({ topic, partition }) =>
    offsetsOf(`${topic}/${partition}`),
  );
  return decodeJournalEntry(moved);
}

it('gives positions and runs the offsets of their own input in the task’s partition', async () => {
  const asked = new Set<string>();
  const moved = await move((at) => {
    asked.add(at);
    return at === 'left/3'
      ? shifted(() => true)
      : { position: (at) => at, run: (first, last) => ({ first, last }) };
  });
  assert.deepEqual([...asked], ['left/3', 'right/3']);
  assert.deepEqual(moved, {
    ...entry,
    inputs: [{ topic: 'left', from: 10, to: 18 }, entry.inputs[1]],
    steps: [
      {
        ...step,
        runs: [
          { input: 0, first: 11, last: 12, count: 2 },
          { input: 1, first: 2, last: 3, count: 2 },
          { input: 0, first: 15, last: 16, count: 2 },
        ],
      },
    ],
  });
});

it('marks an entry of which records are missing, keeping its positions, its counts and all else', async () => {
  const runs = (from: number) => [
    { input: 0, first: from, last: from + 1, count: 2 },
    { input: 1, first: 2, last: 3, count: 2 },
    { input: 0, first: from + 2, last: from + 3, count: 2 },
  ];
  const some = await move((at) => (at === 'left/3' ? shifted((first) => first !== 5) : undefined));
  const inputs = [{ topic: 'left', from: 10, to: 18 }, entry.inputs[1]];
  const steps = [{ ...step, runs: runs(10) }];
  assert.deepEqual(some, { ...entry, lacksRecords: true, inputs, steps });
  const none = await move(() => undefined);
  assert.deepEqual(none, { ...entry, lacksRecords: true, steps: [{ ...step, runs: runs(0) }] });
  const again = await movedJournalValue(key, encodeJournalEntry(none), async () => shifted(() => true));
  assert.equal(decodeJournalEntry(again).lacksRecords, true, 'also by the next copy');
});

it('without offsets an entry is the same wherever it was moved, and another one where anything else differs', async () => {
  const plain = journalValueWithoutOffsets(encodeJournalEntry(entry));
  for (const offsets of [shifted(() => true), shifted(() => false), undefined]) {
    const moved = await movedJournalValue(key, encodeJournalEntry(entry), async () => offsets);
    assert.deepEqual(journalValueWithoutOffsets(moved), plain);
  }
  const [first, ...rest] = entry.steps[0]?.runs ?? [];
  assert.ok(first);
  const others: Partial<JournalEntry>[] = [
    { isFirst: false },
    { committedAt: 10 },
    { stores: [] },
    { steps: [] },
    { steps: [{ ...step, runs: [{ ...first, count: 1 }, ...rest] }] },
    { steps: [{ ...step, runs: rest }] },
  ];
  for (const other of others) {
    assert.notDeepEqual(journalValueWithoutOffsets(encodeJournalEntry({ ...entry, ...other })), plain);
  }
});

it('leaves what is no entry, or of no task, as it is', async () => {
  const never = async () => assert.fail('nothing to ask for');
  for (const [of, value] of [
    [key, Buffer.from('noise')],
    [Buffer.from('nobody'), encodeJournalEntry(entry)],
    [null, encodeJournalEntry(entry)],
  ] as const) {
    assert.deepEqual(await movedJournalValue(of, value, never), value);
  }
  assert.deepEqual(journalValueWithoutOffsets(Buffer.from('noise')), Buffer.from('noise'));
});
