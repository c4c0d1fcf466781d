import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Item, User } from '#schemas';
import { session } from './aggregations/session.ts';
import { sum } from './aggregations/sums.ts';
import { windowed } from './aggregations/windowed.ts';
import type { LastingRow } from './lasting-row.ts';
import { EPOCH_MS, interactions, timestamps } from './testing/interactions.ts';
import { fold, standalone } from './testing/laws.ts';
import { itemFeaturesView } from './views/item-features.ts';
import { itemProfileView } from './views/item-profile.ts';
import { userProfileView } from './views/user-profile.ts';

const DAY_MS = 86_400_000;
/** How long after the newest event a row is finished, and a share of the time that it lasts then. */
const laters = fc.oneof(fc.constant(0), fc.integer({ min: -2 * DAY_MS, max: 60 * DAY_MS }));
const shares = fc.double({ min: 0, max: 1, noNaN: true });

/** A time up to the first at which the row may change, which is not before a year is over where nothing changes it. */
function within(now: number, changesAt: number, share: number): number {
  assert.ok(changesAt > now, 'a row lasts until some later time');
  return Math.min(changesAt - 1, Math.floor(now + share * (Math.min(changesAt, now + 365 * DAY_MS) - now)));
}

type Finished<State> = {
  readonly lasting?: LastingRow<State>;
  finish(state: State, now: number): Readonly<Record<string, unknown>>;
};

/** The row as one who has kept it since `now` has it at `later`. */
function keptRow<State>(
  view: Finished<State>,
  state: State,
  { now, later }: Record<'now' | 'later', number>,
) {
  const row: Record<string, unknown> = { ...view.finish(state, now) };
  for (const { feature, width, terms, value } of view.lasting?.moving ?? []) {
    const kept = terms(state);
    assert.equal(kept.length, width);
    const found = value(Float64Array.of(7, ...kept), 1, later);
    row[feature] = Number.isNaN(found) ? null : found;
  }
  return row;
}

describe('a row that is kept', () => {
  it('is what finish gives at every moment until it says that it changes', () => {
    const lists = fc.array(interactions, { minLength: 1, maxLength: 60, size: 'max' });
    fc.assert(
      fc.property(lists, laters, shares, (events, laterMs, share) => {
        const state = fold(
          itemFeaturesView,
          events.filter((event) => itemFeaturesView.filter(event)),
        );
        const now = Math.max(...events.map(({ ts }) => ts)) + laterMs;
        const later = within(now, itemFeaturesView.lasting?.changesAt(state, now) ?? now, share);
        const kept = keptRow(itemFeaturesView, state, { now, later });
        assert.deepEqual(kept, itemFeaturesView.finish(state, later));
      }),
    );
  });

  it('is so for records, of which there may be none', () => {
    const created = fc.integer({ min: EPOCH_MS - 400 * DAY_MS, max: EPOCH_MS + 400 * DAY_MS });
    fc.assert(
      fc.property(fc.option(created, { nil: null }), laters, shares, (at, laterMs, share) => {
        const now = EPOCH_MS + laterMs;
        const later = within(now, Number.POSITIVE_INFINITY, share);
        const item = at === null ? null : ({ type: 'video', tags: [], created: at } as unknown as Item);
        assert.deepEqual(keptRow(itemProfileView, item, { now, later }), itemProfileView.finish(item, later));
        const user = at === null ? null : ({ age: 4, created: at } as unknown as User);
        assert.deepEqual(keptRow(userProfileView, user, { now, later }), userProfileView.finish(user, later));
      }),
    );
  });

  it('is not kept where features expire', () => {
    assert.equal(itemFeaturesView.withFeatureTtls({ ctr: DAY_MS }).lasting, undefined);
    assert.notEqual(itemFeaturesView.withFeatureTtls({}).lasting, undefined);
  });
});

describe('changesAt', () => {
  const changing = {
    windows: windowed(
      sum(({ amount }: { readonly ts: number; readonly amount: number }) => amount),
      ['71min', '24h', '7d', '30d', 'all'],
    ),
    session: session<{ readonly ts: number; readonly amount: number }>({
      gapMs: 1_800_000,
      horizonMs: DAY_MS,
    }),
  };
  const lists = fc.array(fc.record({ ts: timestamps, amount: fc.constant(1) }), {
    minLength: 1,
    maxLength: 60,
  });
  for (const [name, aggregation] of Object.entries(changing)) {
    it(`of ${name}: nothing changes before, and something does then`, () => {
      const subject = standalone<unknown, { readonly ts: number; readonly amount: number }>(
        aggregation as never,
      );
      fc.assert(
        fc.property(lists, laters, shares, (events, laterMs, share) => {
          const state = fold(subject, events);
          const now = Math.max(...events.map(({ ts }) => ts)) + laterMs;
          const changesAt = aggregation.changesAt?.(state as never, now) ?? now;
          const before = subject.finish(state, now);
          assert.deepEqual(subject.finish(state, within(now, changesAt, share)), before);
          if (Number.isFinite(changesAt)) assert.notDeepEqual(subject.finish(state, changesAt), before);
        }),
      );
    });
  }
});
