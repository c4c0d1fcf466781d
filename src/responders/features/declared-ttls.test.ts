import assert from 'node:assert/strict';
import { it } from 'node:test';
import { itemFeaturesView, popularityBucket, RankHistogram, userFeaturesView, worldNow } from '#features';
import { createMetrics } from '#platform';
import { interaction } from '../testing/world.ts';
import { OnlineViews } from './online-views.ts';

const HOUR_MS = 3_600_000;
const acts = (itemId: string, ts: number) => [{ ...interaction('u', itemId), ts }];
const stateOf = (view: typeof userFeaturesView, ts: number) =>
  acts('i1', ts).reduce((state, event) => view.add(state, event), view.empty());

/** What is read at `now` of a user and an item of which everything is of `ts`. */
function read(ts: number, now: number) {
  const online = new OnlineViews({}, createMetrics());
  const item = acts('i1', ts).reduce(
    (state, event) => itemFeaturesView.add(state, event),
    itemFeaturesView.empty(),
  );
  const histogram = RankHistogram.empty();
  histogram.add(popularityBucket(item) ?? 0);
  const moment = { now, ranks: { ts, histogram } };
  const user = online.named('user-features').read(stateOf(userFeaturesView, ts), moment);
  const rank = online.named('popularity-rank').read(item, moment);
  return {
    session: user.features.session_items,
    recent: user.features.recent_items,
    rank: rank.features.popularity_rank,
    expired: [...user.expired, ...rank.expired],
  };
}

it('what a user has met of late holds for an hour, where an item stands for six', () => {
  const at = Date.UTC(2026, 0, 1);
  const held = { session: ['i1'], recent: ['i1'], rank: 0.5, expired: [] };
  assert.deepEqual(read(at, at + HOUR_MS), held);
  const away = { ...held, session: [], expired: ['session_items'] };
  assert.deepEqual(read(at, at + HOUR_MS + 1), away);
  assert.deepEqual(read(at, at + 6 * HOUR_MS), away);
  const later = { ...away, rank: null, expired: ['session_items', 'popularity_rank'] };
  assert.deepEqual(read(at, at + 6 * HOUR_MS + 1), later);
});

it('a world of the past loses nothing by the wall clock', () => {
  const watermark = Date.UTC(1998, 3, 1);
  const now = worldNow({ watermark, wallNow: Date.UTC(2026, 0, 1) });
  assert.deepEqual(read(watermark - HOUR_MS, now).expired, []);
  assert.deepEqual(read(watermark - HOUR_MS - 1, now).expired, ['session_items']);
});
