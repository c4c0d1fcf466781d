import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { TopologyDriver } from '#engine/testing';
import {
  type AnyView,
  type AsOfRow,
  asOfRows,
  crossKey,
  defineView,
  type Entity,
  newest,
  sum,
} from '#features';
import type { Interaction } from '#schemas';
import { decide, event, HOUR_MS, type Loop, NOW, openLoop, publish } from './testing/loop-driver.ts';
import { openTopics, type Topics } from './topics.ts';
import { archivedEventsTopic, openViewTopic, viewTopology } from './view.ts';

function counting(entity: Entity, key: (event: Interaction) => string): AnyView {
  return defineView({
    name: 'counting',
    version: 1,
    entity,
    owner: 'tests',
    description: 'Counts events.',
    tags: [],
    filter: () => true,
    key,
    ttlMs: null,
    aggregations: { events: sum((_: Interaction) => 1), last: newest<Interaction>() },
    row: { events: 'long' },
    updated: ({ last }) => last,
    finish: ({ events }) => ({ events }),
  });
}

const ofUser = counting('user', ({ user_id }) => user_id);
const ofPair = counting('user-item', ({ user_id, item_id }) => crossKey(user_id, item_id ?? ''));
const ofKind = counting('user-category', ({ user_id, kind }) => crossKey(user_id, kind));
const ofItem = counting('item', ({ item_id }) => item_id ?? '');

type Records = {
  readonly events: Interaction[];
  readonly decisions: Awaited<ReturnType<typeof decisionsOf>>;
};

const decisionsOf = async ({ driver, topics }: Loop) => driver.read(topics['privacy-decisions']);

async function opened(t: TestContext, view: AnyView) {
  let topics: Topics | undefined;
  const driver = await TopologyDriver.open(async (log) => {
    topics = await openTopics(log, log.registry);
    await log.createTopics([archivedEventsTopic(view, topics)]);
    return viewTopology(view, await openViewTopic(log, log.registry, view), topics);
  });
  t.after(() => driver.close());
  return {
    driver,
    async take({ events, decisions }: Records): Promise<void> {
      assert.ok(topics);
      const decided = decisions.map(({ key, value, timestamp }) => [key, value, timestamp] as const);
      await driver.pipe(topics['privacy-decisions'], ...decided);
      await driver.pipe(
        topics['interactions-accepted'],
        ...events.map((each) => [each.user_id, each, each.ts] as const),
      );
      await driver.settle();
    },
    async rows(): Promise<object> {
      const states = asOfRows(view);
      const rows = await driver.store<AsOfRow<unknown>>(`${view.name}/rows`);
      const counts = [...rows].map(([key, row]) => [key, view.finish(states.live(row), NOW).events]);
      return Object.fromEntries(counts.sort());
    },
  };
}

/** Four users; v opts out, w opts out and in again, x is erased. Each step is what has come to the topics by then. */
async function history(t: TestContext): Promise<readonly Records[]> {
  const loop = await openLoop(t);
  const steps: Records[] = [];
  let n = 0;
  const step = async () => {
    const events = (await loop.driver.read(loop.topics['interactions-accepted'])).flatMap(
      ({ value }) => value ?? [],
    );
    steps.push({ events, decisions: await decisionsOf(loop) });
  };
  const round = async () => {
    for (const user_id of ['u', 'v', 'w', 'x']) {
      for (const kind of ['view', 'click'] as const) {
        await publish(
          loop,
          event(`e${n}`, NOW - 10 * HOUR_MS + n++ * 60_000, { user_id, item_id: `i${n % 2}`, kind }),
        );
      }
    }
    await step();
  };
  await round();
  for (const user of ['v', 'w']) await decide(loop, user, 'opted_out');
  await decide(loop, 'x', 'erased');
  await round();
  await decide(loop, 'w', 'opted_in');
  await decide(loop, 'u', 'opted_in');
  await decide(loop, 'x', 'opted_in');
  await round();
  return steps;
}

describe('a view of a module', () => {
  it('has no rows of users who have opted out or are erased, and starts over with users who come back', async (t) => {
    const steps = await history(t);
    const expected = new Map<AnyView, object>([
      [ofUser, { u: 6, w: 2 }],
      [ofPair, { 'u\u001fi0': 3, 'u\u001fi1': 3, 'w\u001fi0': 1, 'w\u001fi1': 1 }],
      [ofKind, { 'u\u001fclick': 3, 'u\u001fview': 3, 'w\u001fclick': 1, 'w\u001fview': 1 }],
    ]);
    for (const [view, rows] of expected) {
      const live = await opened(t, view);
      for (const step of steps) await live.take(step);
      assert.deepEqual(await live.rows(), rows, view.entity);
      await live.driver.restart({ keepStores: false });
      assert.deepEqual(await live.rows(), rows, `${view.entity}, restored`);

      // Built at the end, from a topic of decisions that has been compacted.
      const later = await opened(t, view);
      const newestOf = new Map(steps.flatMap(({ decisions }) => decisions).map((each) => [each.key, each]));
      const events = steps.flatMap((step) => step.events);
      await later.take({ events, decisions: [...newestOf.values()] });
      assert.deepEqual(await later.rows(), rows, `${view.entity}, built later`);
    }
  });

  it('has items as everybody has met them', async (t) => {
    const { take, rows } = await opened(t, ofItem);
    for (const step of await history(t)) await take(step);
    const counts = Object.values(await rows()) as number[];
    assert.equal(
      counts.reduce((a, b) => a + b),
      8 + 2 + 4,
    );
  });

  it('refuses an event that it would put beside the rows of another user', async (t) => {
    const { take, rows, driver } = await opened(
      t,
      counting('user-item', ({ item_id }) => crossKey(item_id ?? '', 'x')),
    );
    await take({ events: [event('e', NOW)], decisions: [] });
    assert.deepEqual(await rows(), {});
    const [letter] = await driver.readDeadLetters();
    assert.equal(letter?.value?.reason, 'MR_FEATURES_KEY');
  });
});
