import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { writeRecords } from '#engine';
import { asOfRows, itemFeaturesView, userFeaturesView } from '#features';
import type { Interaction } from '#schemas';
import type { Topics } from '#topologies';
import { item } from '../testing/tiny-model.ts';
import { interaction, itemRowsTopic, openWorld, type TestWorld, userRowsTopic } from '../testing/world.ts';
import { viewStoreContract } from './contract.ts';
import { InProcessViewStore } from './in-process.ts';
import { itemNumber } from './item-numbers.ts';
import { SwitchedViewStore } from './switched.ts';
import { seen, userOf } from './testing/rows.ts';

/** The world's topics, with the rows of users and of items on others. */
function otherTopics(topics: Topics): Topics {
  const renamed = (name: typeof userRowsTopic) => ({ ...topics[name], name: `shadow-fix-1-${name}` });
  return {
    ...topics,
    [userRowsTopic]: renamed(userRowsTopic),
    [itemRowsTopic]: renamed(itemRowsTopic),
  } as Topics;
}

async function putOthers(world: TestWorld, topics: Topics, events: readonly Interaction[]): Promise<void> {
  for (const [view, name, key] of [
    [userFeaturesView, userRowsTopic, 'u'],
    [itemFeaturesView, itemRowsTopic, 'i1'],
  ] as const) {
    const topic = topics[name] as Topics['user-features-2'];
    await world.log.createTopics([topic]);
    const rows = asOfRows<unknown, unknown>(view as never);
    const value = rows.toViewState(events.reduce((row, event) => rows.insert(row, event), rows.empty()));
    await writeRecords(world.log, topic, [{ key, value, timestamp: 0 }]);
  }
}

async function twoCopies(t: TestContext) {
  const world = await openWorld(t);
  await world.putItems([item('i1'), item('i2')]);
  await world.putUserRow('u', [interaction('u', 'i1')]);
  await world.putItemRow('i1', [interaction('u', 'i1')]);
  const topics = otherTopics(world.topics);
  await putOthers(world, topics, [interaction('u', 'i2'), interaction('u', 'i2')]);
  const first = await InProcessViewStore.open(world, world.topics);
  const views = new SwitchedViewStore(first);
  t.after(() => views.close());
  await views.caughtUp;
  return { world, topics, views };
}

describe('SwitchedViewStore', () => {
  viewStoreContract('switched', async (t, world) => ({
    open: async () => {
      const views = new SwitchedViewStore(await InProcessViewStore.open(world, world.topics));
      t.after(() => views.close());
      return views;
    },
  }));

  it('reads the other rows from one moment on, and says so; listeners stay', async (t) => {
    const { world, topics, views } = await twoCopies(t);
    const told: string[] = [];
    views.watchReplaced(() => told.push('replaced'));
    views.watchUsers((user) => told.push(`${user}`));
    assert.deepEqual(seen(await userOf(views, 'u')), ['i1']);
    const next = await InProcessViewStore.open(world, topics);
    const exchanged = views.exchange(next, () => told.push('alongside'));
    assert.deepEqual(seen(await userOf(views, 'u')), ['i1'], 'until all of it is there');
    await exchanged;
    assert.deepEqual([seen(await userOf(views, 'u')), told], [['i2'], ['alongside', 'replaced']]);
    // Nobody listens to the topic of before.
    await world.putUserRow('u', []);
    await putOthers(world, topics, [interaction('u', 'i1')]);
    while (seen(await userOf(views, 'u'))[0] !== 'i1') await world.clock.sleep(2);
    assert.deepEqual(told, ['alongside', 'replaced', 'u']);
  });

  it('keeps what it has where the other rows cannot be read', async (t) => {
    const { world, topics, views } = await twoCopies(t);
    const next = await InProcessViewStore.open(world, topics);
    const closing = next.close();
    await assert.rejects(views.exchange(next), { code: 'MR_RESPONDER_CLOSED' });
    await closing;
    assert.deepEqual(seen(await userOf(views, 'u')), ['i1']);
  });

  it('a responder reads features of users and of items from the other rows, those that it keeps included', async (t) => {
    const { world, topics } = await twoCopies(t);
    const responder = await world.responder();
    const features = [
      { view: 'item-features', feature: 'clicks', isText: false },
      { view: 'user-features', feature: 'clicks', isText: false },
    ];
    const now = Date.now();
    const clicks = async () => {
      const items = Int32Array.of(itemNumber('i1'));
      const { columns } = await responder.features.columns({ user: 'u', items, features, now });
      return columns.map(([clicks]) => clicks);
    };
    assert.deepEqual(await clicks(), [1, 1]);
    await responder.readFrom({ topics });
    assert.deepEqual(await clicks(), [2, 2]);
    await responder.readFrom({ topics: world.topics });
    assert.deepEqual(await clicks(), [1, 1]);
  });
});
