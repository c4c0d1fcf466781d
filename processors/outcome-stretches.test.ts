import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { KeyValueStore } from '#engine';
import type { Outcome, RecentOutcomes } from '#schemas';
import { outcomeStretches } from './outcome-stretches.ts';

const STRETCH_MS = 3_600_000;

function outcome(i: number, item_id: string): Outcome {
  return {
    event_id: `e${i}`,
    item_id,
    kind: 'view',
    value: null,
    request_id: null,
    watch_ms: null,
    duration_ms: null,
    ts: i,
    own_ts: i,
  };
}

function store() {
  const rows = new Map<string, RecentOutcomes>();
  let longest = 0;
  const stretches: KeyValueStore<RecentOutcomes> = {
    get: (key) => rows.get(key),
    timestamp: () => undefined,
    prefix: () => [],
    put: (key, row) => {
      rows.set(key, row);
      longest = Math.max(longest, row.events.length);
    },
    delete: (key) => void rows.delete(key),
  };
  return { rows, stretches, longest: () => longest };
}

it('keeps every outcome of an item, however many items a user meets in a stretch, in rows of a bounded length', () => {
  const { stretches, longest } = store();
  const { add, ofItem } = outcomeStretches(STRETCH_MS);
  for (let i = 0; i < 3_000; i++) assert.ok(add(stretches, 'u', outcome(i, `item ${i % 1_000}`)));
  const window = { fromMs: 0, toMs: STRETCH_MS - 1 };
  const ids = ofItem(stretches, 'u', 'item 7', window).map(({ event_id }) => event_id);
  assert.deepEqual(ids, ['e7', 'e1007', 'e2007']);
  assert.ok(longest() <= 64, String(longest()));
});

it('says so where one item has more than its row takes', () => {
  const { stretches, rows } = store();
  const { add, ofItem } = outcomeStretches(STRETCH_MS);
  const taken = Array.from({ length: 1_000 }, (_, i) => add(stretches, 'u', outcome(i, 'one'))).filter(
    Boolean,
  );
  assert.equal(taken.length, 64 + 48);
  assert.equal(ofItem(stretches, 'u', 'one', { fromMs: 0, toMs: 1_000 }).length, 64 + 48);
  assert.equal(rows.size, 2);
});
