/**
 * The one suite that every view store passes. It writes to the topics and waits until a store shows what was written,
 * because some stores are filled by a writer elsewhere.
 */
import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { type Topic, TopicWriter } from '#engine';
import { crossKey, itemFeaturesView, userItemFeaturesView } from '#features';
import { errorCode } from '#platform';
import { eventually } from '#platform/testing';
import type { TopicName } from '#schemas';
import { item } from '../testing/tiny-model.ts';
import { interaction, itemRowsTopic, openWorld, type TestWorld, userRowsTopic } from '../testing/world.ts';
import { type Contract, crossedRowsContract, type OpenedViews } from './crossed-rows-contract.ts';
import { itemIdOf, itemNumber, knownItem } from './item-numbers.ts';
import type { ViewStore } from './port.ts';
import { assertState, eventsOn, liveState, remove, seen, user, userOf } from './testing/rows.ts';
import { type UserRows, userRows } from './user-rows.ts';

/** Undefined: what the adapter needs is not there, and the test was skipped. */
export type OpenViews = (t: TestContext, world: TestWorld) => Promise<OpenedViews | undefined>;

function isAvailable({ facts }: ViewStore, itemId: string): boolean {
  return facts.classOf(knownItem(itemId) ?? -1)?.available === true;
}

export function viewStoreContract(name: string, prepare: OpenViews): void {
  const contract: Contract = (title, body) => {
    it(`${name}: ${title}`, { timeout: 60_000 }, async (t) => {
      const world = await openWorld(t);
      const opened = await prepare(t, world);
      if (opened !== undefined) await body(world, opened, t);
    });
  };

  crossedRowsContract(contract);

  contract('holds what was there when it was opened, once it has caught up', async (world, { open }) => {
    const events = [interaction('u1', 'i1'), interaction('u1', 'i2')];
    await world.putUserRow('u1', events);
    await world.putUser(user('u1', 41));
    await world.putItems([item('i1'), item('i2', { available: false })]);
    await world.putItemRow('i1', events.slice(0, 1));
    const views = await open();
    assert.equal(typeof views.notReady(), 'string');
    await views.caughtUp;
    await eventually(() => views.notReady() === undefined);
    assertState(await userOf(views, 'u1'), events);
    assert.equal((await userOf(views, 'u1')).profile?.age, 41);
    assert.equal(views.item('i1')?.title, 'Title of i1');
    assert.equal(views.item('i2')?.available, false);
    assert.deepEqual(Array.from(views.availableItems(), itemIdOf), ['i1']);
    assert.deepEqual([isAvailable(views, 'i1'), isAvailable(views, 'i2')], [true, false]);
    assert.deepEqual(
      ['i1', 'none'].map((id) => views.title(itemNumber(id))),
      ['Title of i1', ''],
    );
    const itemState = views.itemState('i1');
    assert.ok(itemState);
    assert.deepEqual(
      itemFeaturesView.encode(itemState),
      itemFeaturesView.encode(liveState(itemFeaturesView, events.slice(0, 1))),
    );
  });

  contract('knows nothing of what was never written', async (_world, { open }) => {
    const views = await open();
    await views.caughtUp;
    assert.deepEqual(await userOf(views, 'nobody'), { state: undefined, profile: null });
    assert.deepEqual(await userRows(views, []), []);
    assert.equal(views.item('none'), undefined);
    assert.equal(views.itemState('none'), undefined);
    assert.equal(isAvailable(views, 'none'), false);
    assert.equal(views.watermark, Number.NEGATIVE_INFINITY);
    assert.equal(views.ranks, undefined);
  });

  contract('returns many users in the order requested', async (world, { open }) => {
    const ids = Array.from({ length: 120 }, (_, i) => `ü-{${i}}`);
    for (const id of ids) await world.putUserRow(id, [interaction(id, `item of ${id}`)]);
    await world.putUser(user('ü-{7}', 7));
    const views = await open();
    await views.caughtUp;
    const asked = [...ids.toReversed(), 'nobody', 'ü-{7}', 'ü-{7}'];
    const rows = await userRows(views, asked);
    assert.equal(rows.length, asked.length);
    for (const [i, id] of asked.entries()) {
      const events = id === 'nobody' ? [] : [`item of ${id}`];
      assert.deepEqual(seen(rows[i] as UserRows), events);
      assert.equal(rows[i]?.profile?.age, id === 'ü-{7}' ? 7 : undefined);
    }
  });

  contract('tells whose rows have changed, once they are read as they are now', async (world, { open }) => {
    const views = await open();
    await views.caughtUp;
    await eventually(() => views.notReady() === undefined);
    const told: (string | undefined)[] = [];
    const unwatch = views.watchUsers((userId) => told.push(userId));
    const toldOf = (userId: string) => eventually(() => told.includes(userId));
    await world.putUserRow('ü-1', [interaction('ü-1', 'a')]);
    await toldOf('ü-1');
    assert.equal(seen(await userOf(views, 'ü-1')).length, 1);
    await world.putRow(userItemFeaturesView, crossKey('u2', 'b'), eventsOn('u2', 'b'));
    await toldOf('u2');
    const times = () => told.filter((userId) => userId === 'ü-1').length;
    const before = times();
    await remove(world, world.topics[userRowsTopic] as Topic<string, unknown>, 'ü-1');
    await eventually(() => times() > before);
    assert.deepEqual(await userOf(views, 'ü-1'), { state: undefined, profile: null });
    unwatch();
    const after = told.length;
    await world.putUserRow('u3', [interaction('u3', 'a')]);
    await eventually(async () => seen(await userOf(views, 'u3')).length === 1);
    assert.equal(told.length, after);
  });

  contract('follows rows: the newest of a key counts, and a deleted one is gone', async (world, { open }) => {
    const views = await open();
    await views.caughtUp;
    await world.putUserRow('u', [interaction('u', 'a')]);
    await world.putUser(user('u', 20));
    await world.putItems([item('a')]);
    await world.putItemRow('a', [interaction('u', 'a')]);
    await eventually(async () => seen(await userOf(views, 'u')).length === 1);
    await eventually(async () => (await userOf(views, 'u')).profile?.age === 20);
    await eventually(() => isAvailable(views, 'a') && views.itemState('a') !== undefined);

    const events = [interaction('u', 'a'), interaction('u', 'b')];
    await world.putUserRow('u', events);
    await world.putUser(user('u', 21));
    await eventually(async () => (await userOf(views, 'u')).profile?.age === 21);
    await eventually(async () => seen(await userOf(views, 'u')).length === 2);
    assertState(await userOf(views, 'u'), events);

    await remove(world, world.topics[userRowsTopic] as Topic<string, unknown>, 'u');
    await remove(world, world.topics.users, 'u');
    await remove(world, world.topics.items, 'a');
    await remove(world, world.topics[itemRowsTopic] as Topic<string, unknown>, 'a');
    await eventually(async () => {
      const { state, profile } = await userOf(views, 'u');
      return state === undefined && profile === null;
    });
    await eventually(() => views.item('a') === undefined && views.itemState('a') === undefined);
    assert.deepEqual([...views.availableItems()], []);
    await world.putUserRow('u', [interaction('u', 'c')]);
    await eventually(async () => seen(await userOf(views, 'u')).join() === 'c');
  });

  contract('keeps the newest row when older ones are written again', async (world, { open, replay }, t) => {
    if (replay === undefined) return t.skip('this store has no writer beside it');
    const views = await open();
    await views.caughtUp;
    for (let round = 0; round < 20; round++) {
      await world.putUserRow('kept', [interaction('kept', `item ${round}`)]);
      await world.putUserRow('gone', [interaction('gone', `item ${round}`)]);
      await world.putRow(userItemFeaturesView, crossKey('gone', 'a'), eventsOn('gone', 'a'));
    }
    await world.putRow(userItemFeaturesView, crossKey('gone', 'a'), null);
    await remove(world, world.topics[userRowsTopic] as Topic<string, unknown>, 'gone');
    const isRight = async () => {
      const [kept, gone] = await userRows(views, ['kept', 'gone']);
      const [pair] = await views.rows([{ view: 'user-item-features', key: crossKey('gone', 'a') }]);
      return seen(kept as UserRows).join() === 'item 19' && gone?.state === undefined && pair === undefined;
    };
    await eventually(isRight);
    const again = replay();
    let isReplaying = true;
    const done = again.finally(() => {
      isReplaying = false;
    });
    while (isReplaying) {
      assert.ok(await isRight());
      await new Promise(setImmediate);
    }
    await done;
    assert.ok(await isRight());
  });

  contract('knows the newest watermark that the views were announced', async (world, { open }) => {
    const views = await open();
    await views.caughtUp;
    const producer = await world.log.producer();
    // A watermark travels in a header of rows, as the engine writes them.
    const announce = async (topic: TopicName, ms: number) => {
      const carried = Buffer.alloc(16);
      carried.writeUInt32BE(1, 4);
      carried.writeDoubleBE(ms, 8);
      const header = ['mr-watermark', carried] as const;
      await producer.append(topic, 2, [
        { key: Buffer.from('u'), value: null, timestamp: ms, headers: [header] },
      ]);
      await eventually(() => views.watermark === ms);
    };
    await announce(userRowsTopic, 1_000);
    await announce(itemRowsTopic, 3_000);
    await announce(userRowsTopic, 5_000);
    await producer.close();
    const another = await open();
    await another.caughtUp;
    assert.equal(another.watermark, 5_000);
  });

  contract('knows the ranks that were published last', async (world, { open }) => {
    await world.putRanks(1_000, [3, 5]);
    const views = await open();
    await views.caughtUp;
    assert.deepEqual([views.ranks?.ts, views.ranks?.histogram.items], [1_000, 2]);
    await world.putRanks(2_000, [3, 5, 5, 9]);
    await eventually(() => views.ranks?.ts === 2_000);
    assert.equal(views.ranks?.histogram.percentile(9), 3.5 / 4);
    // What is damaged is left out and counted, and the ranks before it stay.
    const producer = await TopicWriter.open(world.log, world.topics['popularity-ranks']);
    const damaged = { ts: 3_000, histogram: Buffer.from([0xff]) };
    await producer.write([{ key: 'ranks', value: damaged, timestamp: 3_000 }]);
    await producer.close();
    await eventually(async () =>
      /undecodable_total\{topic="popularity-ranks"\} 1/.test(await world.metrics.render()),
    );
    assert.equal(views.ranks?.ts, 2_000);
  });

  contract('leaves damaged rows out, and counts them', async (world, { open }) => {
    await world.putUser(user('u', 30));
    await world.putUserRow('u', [interaction('u', 'a')]);
    await world.putItems([item('a')]);
    const damaged = { timestamp: 0, value: Buffer.from('no row') };
    const producer = await world.log.producer();
    for (const topic of ['users', userRowsTopic] as const) {
      for (let partition = 0; partition < world.topics[topic].partitions; partition++) {
        await producer.append(topic, partition, [{ key: Buffer.from('damaged'), ...damaged }]);
      }
    }
    await producer.append('items', 0, [{ key: Buffer.from('damaged'), ...damaged }]);
    await producer.close();
    const views = await open();
    await views.caughtUp;
    assert.deepEqual(await userOf(views, 'damaged'), { state: undefined, profile: null });
    assert.equal(views.item('damaged'), undefined);
    assert.equal(seen(await userOf(views, 'u')).length, 1);
    assert.equal((await userOf(views, 'u')).profile?.age, 30);
    const text = await world.metrics.render();
    for (const topic of ['users', userRowsTopic, 'items']) {
      const counted = new RegExp(`responder_undecodable_total\\{topic="${topic}"\\} (\\d+)`).exec(text)?.[1];
      assert.ok(Number(counted) > 0, `${topic}: ${counted}`);
    }
  });

  contract(
    'tells watchers of each change of an item, until they no longer want to know',
    async (world, { open }) => {
      const views = await open();
      await views.caughtUp;
      const told: string[] = [];
      const unwatch = views.watchItems((each, change) => told.push(`${itemIdOf(each)} ${change}`));
      await world.putItems([item('a')]);
      await eventually(() => told.includes('a item'));
      await world.putItemRow('a', [interaction('u', 'a')]);
      await eventually(() => told.includes('a features'));
      assert.equal(told.length, 2);
      unwatch();
      await world.putItems([item('b')]);
      await eventually(() => isAvailable(views, 'b'));
      assert.equal(told.length, 2);
    },
  );

  contract('closes while it is reading, and a second time', async (world, { open }) => {
    await world.putItems([item('a')]);
    const views = await open();
    const caughtUp = views.caughtUp.catch((error: unknown) => error);
    await views.close();
    await views.close();
    const outcome = await caughtUp;
    assert.ok(outcome === undefined || errorCode(outcome) === 'MR_RESPONDER_CLOSED', String(outcome));
  });
}
