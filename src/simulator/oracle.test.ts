import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browse } from './behaviour.ts';
import { Consumed } from './consumed.ts';
import { worldEvents } from './events.ts';
import { Oracle } from './oracle.ts';
import { Random } from './random.ts';
import { Visit } from './visit.ts';
import { createWorld } from './world.ts';

const world = createWorld({ seed: 5, users: 40, items: 60, days: 7, endsAt: 1_700_000_000_000 });

test('agents click as often as the oracle says', () => {
  const { entries } = world.catalogue;
  const ended = world.trends.filter(({ toMs, fromMs }) => fromMs < world.periodMs && toMs >= world.periodMs);
  const random = new Random(1);
  const shows = 3_000;
  for (const [user, shown] of [
    [0, 3],
    [17, 20],
    [39, 59],
  ] as const) {
    const chance = new Oracle(world, []).clickChances(user).get(`i${shown + 1}`) as number;
    let clicks = 0;
    for (let show = 0; show < shows; show++) {
      const options = { agent: world.agent(user), sessionId: 's', startsAt: world.endsAt, pace: 1 };
      const visit = new Visit(options, random);
      browse(visit, entries, [shown], { random, consumed: new Consumed(1), trends: ended, intent: 0 });
      if (visit.take().some(({ kind }) => kind === 'click')) clicks++;
    }
    const deviation = Math.sqrt((chance * (1 - chance)) / shows);
    assert.ok(Math.abs(clicks / shows - chance) < 4 * deviation, `${clicks / shows} against ${chance}`);
  }
});

test('what a user has clicked on before promises less', () => {
  const events = [...worldEvents(world, { events: 2_000 })];
  const click = events.find(({ kind }) => kind === 'click');
  const user = Number(click?.user_id.slice(1)) - 1;
  const item = click?.item_id as string;
  const before = new Oracle(world, []).clickChances(user);
  const after = new Oracle(world, events).clickChances(user);
  assert.equal(after.size, 60);
  assert.ok((after.get(item) as number) < 0.3 * (before.get(item) as number));
  const untouched = world
    .items()
    .find(
      ({ item_id }) => !events.some((event) => event.item_id === item_id && event.user_id === click?.user_id),
    );
  assert.equal(after.get(untouched?.item_id as string), before.get(untouched?.item_id as string));
});
