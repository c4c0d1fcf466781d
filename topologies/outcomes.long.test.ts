import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { answerDefaults, answeredItemDefaults, type Interaction, type Labels } from '#schemas';
import {
  catalogue,
  corrections,
  event,
  examples,
  goOnTo,
  HOUR_MS,
  MINUTE_MS,
  NOW,
  openLoop,
  publish,
  publishItems,
  startingExamples,
  WINDOW_MS,
  worlds,
} from './testing/loop-driver.ts';
import { runWorld } from './testing/loop-world.ts';

const sameUser = (a: { user_id: string }) => (b: { user_id: string }) => a.user_id === b.user_id;
const ownTime = ({ ts, original_ts }: Interaction) => original_ts ?? ts;

/** Labels as the issue of them says, over the events given. */
function labelsOf(own: Interaction, events: readonly Interaction[]): Labels {
  const within = events
    .filter(sameUser(own))
    .filter(({ item_id }) => item_id === own.item_id)
    .filter((each) => ownTime(each) >= ownTime(own) && ownTime(each) <= ownTime(own) + WINDOW_MS);
  const has = (kind: string) => within.some((each) => each.kind === kind);
  const numbers = (kind: string) =>
    within
      .filter((each) => each.kind === kind)
      .sort((a, b) => ownTime(a) - ownTime(b))
      .map(({ value }) => value as number);
  const watched = within.flatMap(({ watch_ms }) => (watch_ms === null ? [] : [watch_ms]));
  const duration = own.item?.duration_ms ?? null;
  const purchases = numbers('purchase');
  return {
    click: has('click'),
    complete: has('complete'),
    like: has('like'),
    watch_fraction:
      duration === null || watched.length === 0 ? null : Math.min(1, Math.max(...watched) / duration),
    rating: numbers('rating').at(-1) ?? null,
    purchase_value: purchases.length === 0 ? null : purchases.reduce((sum, each) => sum + each, 0),
  };
}

it('have the labels of their window, and in the end those of all that happened in it', async () => {
  await fc.assert(
    fc.asyncProperty(worlds(), async (events) => {
      const world = await runWorld(events);
      for (const own of startingExamples(world.accepted)) {
        const example = world.examples.find(({ event_id }) => event_id === own.event_id);
        const inTime = world.accepted.filter(({ ts }) => ts <= own.ts + WINDOW_MS);
        assert.deepEqual(example?.labels, labelsOf(own, inTime));
        const last = world.corrections.findLast(({ event_id }) => event_id === own.event_id);
        assert.deepEqual(last?.labels ?? example?.labels, labelsOf(own, world.accepted));
        if (last === undefined) continue;
        const { event_id, user_id, item_id, ts } = own;
        assert.deepEqual({ ...last, labels: null }, { event_id, user_id, item_id, ts, labels: null });
      }
    }),
    { numRuns: 12 },
  );
});

it('tell of a click that came after the window though it had happened within it', async (t) => {
  const loop = await openLoop(t);
  await publishItems(loop, ...catalogue);
  const at = NOW - 4 * HOUR_MS;
  await publish(
    loop,
    event('shown', at, { kind: 'impression' }),
    event('early', at - 1, { kind: 'like' }),
    event('watched', at + MINUTE_MS, { watch_ms: 4_000 }),
    event('other', at + MINUTE_MS, { kind: 'like', item_id: 'j' }),
  );
  await goOnTo(loop, at + 2 * HOUR_MS);
  const none = { click: false, complete: false, like: false, rating: null, purchase_value: null };
  const shown = async () => (await examples(loop)).find(({ event_id }) => event_id === 'shown')?.labels;
  assert.deepEqual(await shown(), { ...none, watch_fraction: 0.4 });
  await publish(loop, event('late', at + 2 * MINUTE_MS, { kind: 'click' }));
  await publish(loop, event('too late', at + WINDOW_MS + 1, { kind: 'complete' }));
  await publish(loop, event('no news', at + 3 * MINUTE_MS, { kind: 'impression' }));
  const found = (await corrections(loop)).filter(({ event_id }) => event_id === 'shown');
  assert.deepEqual(
    found.map(({ labels }) => labels),
    [{ ...none, click: true, watch_fraction: 0.4 }],
  );
});

it('know their place in the answer that showed the item, and the propensity it had there', async (t) => {
  const loop = await openLoop(t);
  const at = NOW - 4 * HOUR_MS;
  const served = (item_id: string, propensity: number | null) => {
    return { ...answeredItemDefaults, item_id, score: 1, source: 'index', propensity } as const;
  };
  const answer = {
    request_id: 'r',
    user_id: 'u',
    ts: at,
    ...answerDefaults,
    version: null,
    k: 2,
    latency_ms: 1,
  };
  const items = [served('j', 1), served('i', 0.25)];
  await loop.driver.pipe(loop.topics.answers, ['u', { ...answer, items }, at]);
  await publish(
    loop,
    event('a', at + 1, { kind: 'impression', request_id: 'r' }),
    event('b', at + 2, { kind: 'impression', request_id: 'r', item_id: 'k' }),
    event('c', at + 3, { kind: 'impression', request_id: 'unknown' }),
    event('d', at + 4, { kind: 'impression', request_id: 'r', user_id: 'v' }),
    event('e', at + 5, { kind: 'impression' }),
    event('f', at + 5, { kind: 'click', request_id: 'r', item_id: 'j' }),
  );
  await goOnTo(loop, NOW);
  assert.deepEqual(
    (await examples(loop)).map(({ position, propensity }) => [position, propensity]),
    [
      [1, 0.25],
      [null, null],
      [null, null],
      [null, null],
      [null, null],
      [0, 1],
    ],
  );
});
