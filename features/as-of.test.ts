import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { avroCodec, type Interaction } from '#schemas';
import { type AsOfRow, asOfRows } from './as-of.ts';
import { EPOCH_MS, interaction, interactions } from './testing/interactions.ts';
import { fold } from './testing/laws.ts';
import { type ItemState, itemFeaturesView } from './views/item-features.ts';

const view = itemFeaturesView;
const rows = asOfRows(view);
const codec = avroCodec('ViewState');

/** What is on the topic for the row. */
const bytesOf = (row: AsOfRow<ItemState>) => codec.encode(1, rows.toViewState(row));
const stateOver = (events: readonly Interaction[], t: number) =>
  view.encode(
    fold(
      view,
      events.filter((event) => event.ts < t),
    ),
  );

const readingOf = (state: ItemState, t: number) => ({ bytes: view.encode(state), t });

/** Accepted events of one item: an event id once for each user. */
const itemEvents = fc.uniqueArray(
  interactions.filter((event) => view.filter(event)),
  { selector: (event) => `${event.user_id} ${event.event_id}`, maxLength: 40, size: 'max' },
);

/**
 * A way in which the events may arrive: out of order by some delay each, with watermarks that never go down and never
 * above the timestamp of an event still to come.
 */
const histories = itemEvents.chain((events) => {
  const each = <T>(choice: fc.Arbitrary<T>) =>
    fc.array(choice, { minLength: events.length, maxLength: events.length });
  return fc.record({
    events: fc.constant(events),
    delaysMs: each(fc.oneof(fc.constant(0), fc.nat({ max: 7_200_000 }), fc.nat({ max: 1e11 }))),
    watermarks: each(fc.nat({ max: 80 })),
    stored: each(fc.boolean()),
    asked: each(fc.nat({ max: 80 })),
    last: fc.nat({ max: 80 }),
  });
});
type History = typeof histories extends fc.Arbitrary<infer T> ? T : never;

/**
 * Plays a history, folding and asking for states as it goes, and now and then through the topic's bytes; gives the row
 * and its watermark.
 */
function play({ events, delaysMs, watermarks, stored, asked, last }: History) {
  const arrivals = events
    .map((event, index) => ({ event, at: event.ts + (delaysMs[index] as number) }))
    .sort((a, b) => a.at - b.at)
    .map(({ event }) => event);
  const moments = [0, ...events.flatMap(({ ts }) => [ts, ts + 1])];
  let row = rows.empty();
  let watermark = Number.NEGATIVE_INFINITY;
  const advance = (choice: number, bound: number) => {
    watermark = Math.max(watermark, Math.min(moments[choice % moments.length] as number, bound));
    rows.fold(row, watermark);
  };
  arrivals.forEach((event, index) => {
    advance(watermarks[index] as number, Math.min(...arrivals.slice(index).map(({ ts }) => ts)));
    rows.insert(row, event);
    if (stored[index]) row = rows.fromViewState(codec.decode(bytesOf(row)));
    const t = Math.max(watermark, moments[(asked[index] as number) % moments.length] as number);
    const expected = stateOver(arrivals.slice(0, index + 1), t);
    assert.deepEqual(rows.readAsOf(row, t, readingOf), { bytes: expected, t });
    assert.deepEqual(view.encode(rows.stateAsOf(row, t)), expected);
  });
  advance(last, Number.POSITIVE_INFINITY);
  return { row, watermark };
}

codec.addWriterSchema(1, codec.schema);

describe('as-of rows', () => {
  it('depend on the set of events and the last watermark alone, byte for byte', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const { row, watermark } = play(history);
        const plain = rows.empty();
        for (const event of history.events) rows.insert(plain, event);
        assert.deepEqual(bytesOf(row), bytesOf(rows.fold(plain, watermark)));
      }),
    );
  });

  it('as of t are a fold of the events strictly before t, and reading changes nothing', () => {
    fc.assert(
      fc.property(histories, fc.nat(), (history, pick) => {
        const { row, watermark } = play(history);
        const before = bytesOf(row);
        const times = [watermark, ...row.pending.flatMap(({ ts }) => [ts, ts + 1])].filter(
          (t) => t >= watermark,
        );
        const t = times[pick % times.length] as number;
        if (Number.isFinite(t)) {
          assert.deepEqual(view.encode(rows.stateAsOf(row, t)), stateOver(history.events, t));
        }
        const everything = stateOver(history.events, Number.POSITIVE_INFINITY);
        assert.deepEqual(view.encode(rows.live(row)), everything);
        assert.deepEqual(bytesOf(row), before);
      }),
    );
  });

  it('are read once for each time, in whatever order they are requested', () => {
    const row = rows.empty();
    for (const ts of [1, 2, 2, 3]) rows.insert(row, interaction({ ts, event_id: `e${row.pending.length}` }));
    const asked: number[] = [];
    const read = (state: ItemState, t: number) => {
      asked.push(t);
      return readingOf(state, t);
    };
    for (const t of [2, 3, 1, 2, 3, 1]) {
      assert.deepEqual(rows.readAsOf(row, t, read), { bytes: stateOver(row.pending, t), t });
    }
    assert.deepEqual(asked, [1, 2, 3]);
    rows.fold(row, 2);
    assert.deepEqual(rows.readAsOf(row, 3, read).t, 3);
    assert.deepEqual(asked, [1, 2, 3], 'what is folded takes away no reading of what is still pending');
    rows.insert(row, interaction({ ts: 2, event_id: 'late' }));
    const added = rows.readAsOf(row, 3, readingOf).bytes;
    assert.equal(view.finish(view.decode(added), 3).clicks, view.finish(rows.stateAsOf(row, 3), 3).clicks);
  });

  it('keep the event at t itself out of the row as of t', () => {
    const row = rows.insert(rows.empty(), interaction({ kind: 'like' }));
    assert.equal(view.finish(rows.stateAsOf(row, EPOCH_MS), EPOCH_MS).likes, 0);
    assert.equal(view.finish(rows.stateAsOf(row, EPOCH_MS + 1), EPOCH_MS).likes, 1);
    rows.fold(row, EPOCH_MS);
    assert.equal(row.pending.length, 1, 'a watermark does not fold the events at it');
  });

  it('order what is pending by (ts, event_id, user_id), and refuse an event twice', () => {
    const event = (ts: number, event_id: string, user_id = 'u1') => interaction({ ts, event_id, user_id });
    const row = rows.empty();
    const inOrder = [event(1, 'b'), event(2, 'a', 'u1'), event(2, 'a', 'u2'), event(2, 'b'), event(3, 'a')];
    for (const index of [3, 2, 4, 0, 1]) rows.insert(row, inOrder[index] as Interaction);
    assert.deepEqual(row.pending, inOrder);
    assert.throws(() => rows.insert(row, event(2, 'a', 'u2')), { code: 'MR_INVARIANT' });
  });

  it('do not share their list of pending events with what was read or is written', () => {
    const stored = rows.toViewState(rows.insert(rows.empty(), interaction({})));
    const row = rows.fromViewState(stored);
    const written = rows.toViewState(row);
    rows.insert(row, interaction({ event_id: 'e2' }));
    assert.deepEqual([stored.pending.length, written.pending.length, row.pending.length], [1, 1, 2]);
  });
});
