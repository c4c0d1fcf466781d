import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Interaction, User } from '#schemas';
import { event, type Loop, NOW, openLoop, publish } from './testing/loop-driver.ts';

const DAY_MS = 86_400_000;

function user(user_id: string, changes: Partial<User> = {}): User {
  const unknown = { age: null, gender: 'unknown', occupation: null, country: null, language: null } as const;
  return { user_id, ...unknown, created: 0, ...changes };
}

/** The lists as they stand, by segment. */
async function lists({ driver, topics }: Loop) {
  const found: Record<string, readonly { item_id: string; score: number }[]> = {};
  for (const { key, value } of await driver.read(topics['segment-popularity'])) {
    if (value !== null) found[key] = value.items;
  }
  return found;
}

const ids = (list: readonly { item_id: string }[] = []) => list.map(({ item_id }) => item_id);

it('an event of interest counts in the country of its context or else of the user, and in the cohort', async (t) => {
  const loop = await openLoop(t);
  const { driver, topics } = loop;
  const anna = user('anna', { age: 24, gender: 'female', country: 'AT' });
  const ben = user('ben', { age: 25 });
  await driver.pipe(topics.users, ['anna', anna, 0], ['ben', ben, 0]);
  const at = NOW - DAY_MS;
  const german = { device: null, country: 'DE', language: null };
  await publish(
    loop,
    event('1', at, { user_id: 'anna', item_id: 'a' }),
    event('2', at + 1, { user_id: 'anna', item_id: 'b', context: german }),
    event('3', at + 2, { user_id: 'ben', item_id: 'b' }),
    event('4', at + 3, { user_id: 'ben', item_id: 'c', kind: 'impression' }),
    event('5', at + 4, { user_id: 'nobody', item_id: 'd' }),
  );
  const found = await lists(loop);
  assert.deepEqual(Object.keys(found).sort(), [
    'cohort:18:female',
    'cohort:25:unknown',
    'country:AT',
    'country:DE',
  ]);
  assert.deepEqual(ids(found['country:AT']), ['a']);
  assert.deepEqual(ids(found['country:DE']), ['b']);
  assert.deepEqual(ids(found['cohort:18:female']), ['a', 'b']);
  assert.deepEqual(ids(found['cohort:25:unknown']), ['b']);
});

it('an event counts half as much as one 28 days later, whatever came first', async (t) => {
  const loop = await openLoop(t);
  const context = { device: null, country: 'DE', language: null };
  const visit = (id: string, item_id: string, daysAgo: number) =>
    event(id, NOW - daysAgo * DAY_MS, { user_id: `u${id}`, item_id, context });
  // Two of 28 days before weigh as much as one, three more.
  await publish(
    loop,
    visit('1', 'twice', 30),
    visit('2', 'twice', 30),
    visit('3', 'thrice', 30),
    visit('4', 'thrice', 30),
    visit('5', 'thrice', 30),
    visit('6', 'once', 2),
  );
  const list = (await lists(loop))['country:DE'] ?? [];
  const score = (id: string) => list.find(({ item_id }) => item_id === id)?.score ?? Number.NaN;
  assert.ok(Math.abs(score('twice') - score('once')) < 1e-9);
  assert.ok(Math.abs(score('thrice') - score('twice') - Math.log2(1.5)) < 1e-9);
  assert.deepEqual(ids(list), ['thrice', 'once', 'twice']);
});

it('the list is that of all events, in whatever order and batches they come', async () => {
  const visits = fc.array(
    fc.record({ item: fc.nat(8), day: fc.nat(90), country: fc.constantFrom('DE', 'AT') }),
    { minLength: 1, maxLength: 25 },
  );
  const run = async (events: readonly Interaction[], batches: readonly number[]) => {
    const loop = await openLoop(undefined, {}, { latenessMs: 200 * DAY_MS });
    try {
      for (let from = 0, i = 0; from < events.length; i++) {
        const to = from + 1 + ((batches[i] ?? events.length) % events.length);
        await publish(loop, ...events.slice(from, to));
        from = to;
      }
      return await lists(loop);
    } finally {
      await loop.driver.close();
    }
  };
  await fc.assert(
    fc.asyncProperty(
      visits,
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.infiniteStream(fc.nat()),
      async (all, batches, keys) => {
        const events = all.map(({ item, day, country }, i) =>
          event(`e${i}`, NOW - day * DAY_MS, {
            user_id: `u${i % 5}`,
            item_id: `i${item}`,
            context: { device: null, country, language: null },
          }),
        );
        const order = new Map(events.map((each) => [each, keys.next().value]));
        const shuffled = events.toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
        assert.deepEqual(await run(shuffled, batches), await run(events, []));
      },
    ),
    { numRuns: 12 },
  );
});
