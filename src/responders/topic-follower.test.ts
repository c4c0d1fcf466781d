import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '#platform';
import { item } from './testing/tiny-model.ts';
import { openWorld } from './testing/world.ts';
import { TopicFollower } from './topic-follower.ts';

it('lets others run between slices of what it has polled', async (t) => {
  const world = await openWorld(t);
  await world.putItems(['a', 'b', 'c', 'd'].map((id) => item(id)));
  let now = 0;
  // So slow that each record is a slice.
  const clock = { ...systemClock, now: () => now, monotonic: () => (now += 10), sleep: systemClock.sleep };
  let turns = 0;
  let turning: NodeJS.Immediate | undefined;
  const turn = () => {
    turns++;
    turning = setImmediate(turn);
  };
  turning = setImmediate(turn);
  t.after(() => clearImmediate(turning));
  const seen = new Map<string, number>();
  const follower = await TopicFollower.open({ ...world, clock }, world.topics.items, ({ key }) =>
    seen.set(key, turns),
  );
  t.after(() => follower.close());
  await follower.caughtUp;
  assert.deepEqual([...seen.keys()].sort(), ['a', 'b', 'c', 'd']);
  assert.equal(new Set(seen.values()).size, 4);
});
