/**
 * The one suite that every view store passes. It writes to the topics and waits until a store shows what was written,
 * because some stores are filled by a writer elsewhere.
 */
import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { type Topic, TopicWriter } from '#engine';
import { asOfRows, itemFeaturesView, type UserState, userFeaturesView } from '#features';
import { errorCode } from '#platform';
import type { Interaction } from '#schemas';
import { item } from '../testing/tiny-model.ts';
import { interaction, openWorld, type TestWorld, until } from '../testing/world.ts';
import type { UserRows, ViewStore } from './port.ts';

export type OpenedViews = {
  /** Opens a store on the world's topics; it is closed by the test, or else with it. */
  open(): Promise<ViewStore>;
  /**
   * Where a writer fills the store: lets a second one write all records again that the topics have ever had, and resolves
   * when it has.
   */
  replay?(): Promise<void>;
};

/** Undefined: what the adapter needs is not there, and the test was skipped. */
export type OpenViews = (t: TestContext, world: TestWorld) => Promise<OpenedViews | undefined>;

export function viewStoreContract(name: string, prepare: OpenViews): void {
  const contract = (
    title: string,
    body: (world: TestWorld, opened: OpenedViews, t: TestContext) => Promise<void>,
  ) => {
    it(`${name}: ${title}`, { timeout: 60_000 }, async (t) => {
      const world = await openWorld(t);
      const opened = await prepare(t, world);
      if (opened !== undefined) await body(world, opened, t);
    });
  };

  contract('holds what was there when it was opened, once it has caught up', async (world, { open }) => {
    const events = [interaction('u1', 'i1'), interaction('u1', 'i2')];
    await world.putUserRow('u1', events);
    await world.putUser(user('u1', 41));
    await world.putItems([item('i1'), item('i2', { available: false })]);
    await world.putItemRow('i1', events.slice(0, 1));
    const views = await open();
    assert.equal(typeof views.notReady(), 'string');
    await views.caughtUp;
    await until(() => views.notReady() === undefined);
    assertState(await views.user('u1'), events);
    assert.equal((await views.user('u1')).profile?.age, 41);
    assert.equal(views.item('i1')?.title, 'Title of i1');
    assert.equal(views.item('i2')?.available, false);
    assert.deepEqual([...views.availableItems()], ['i1']);
    assert.deepEqual([views.isAvailable('i1'), views.isAvailable('i2')], [true, false]);
    const itemState = views.itemState('i1');
    assert.ok(itemState);
    assert.deepEqual(
      itemFeaturesView.encode(itemState),
      itemFeaturesView.encode(liveItem(events.slice(0, 1))),
    );
  });

  contract('knows nothing of what was never written', async (_world, { open }) => {
    const views = await open();
    await views.caughtUp;
    assert.deepEqual(await views.user('nobody'), { state: undefined, profile: null });
    assert.deepEqual(await views.users([]), []);
    assert.equal(views.item('none'), undefined);
    assert.equal(views.itemState('none'), undefined);
    assert.equal(views.isAvailable('none'), false);
    assert.equal(views.watermark, Number.NEGATIVE_INFINITY);
  });

  contract('gives many users in the order asked for', async (world, { open }) => {
    const ids = Array.from({ length: 120 }, (_, i) => `ü-{${i}}`);
    for (const id of ids) await world.putUserRow(id, [interaction(id, `item of ${id}`)]);
    await world.putUser(user('ü-{7}', 7));
    const views = await open();
    await views.caughtUp;
    const asked = [...ids.toReversed(), 'nobody', 'ü-{7}', 'ü-{7}'];
    const rows = await views.users(asked);
    assert.equal(rows.length, asked.length);
    for (const [i, id] of asked.entries()) {
      const events = id === 'nobody' ? [] : [`item of ${id}`];
      assert.deepEqual(seen(rows[i] as UserRows), events);
      assert.equal(rows[i]?.profile?.age, id === 'ü-{7}' ? 7 : undefined);
    }
  });

  contract('follows rows: the newest of a key counts, and a deleted one is gone', async (world, { open }) => {
    const views = await open();
    await views.caughtUp;
    await world.putUserRow('u', [interaction('u', 'a')]);
    await world.putUser(user('u', 20));
    await world.putItems([item('a')]);
    await world.putItemRow('a', [interaction('u', 'a')]);
    await until(async () => seen(await views.user('u')).length === 1);
    await until(async () => (await views.user('u')).profile?.age === 20);
    await until(() => views.isAvailable('a') && views.itemState('a') !== undefined);

    const events = [interaction('u', 'a'), interaction('u', 'b')];
    await world.putUserRow('u', events);
    await world.putUser(user('u', 21));
    await until(async () => (await views.user('u')).profile?.age === 21);
    await until(async () => seen(await views.user('u')).length === 2);
    assertState(await views.user('u'), events);

    await remove(world, world.topics['user-features-1'], 'u');
    await remove(world, world.topics.users, 'u');
    await remove(world, world.topics.items, 'a');
    await remove(world, world.topics['item-features-1'], 'a');
    await until(async () => {
      const { state, profile } = await views.user('u');
      return state === undefined && profile === null;
    });
    await until(() => views.item('a') === undefined && views.itemState('a') === undefined);
    assert.deepEqual([...views.availableItems()], []);
    await world.putUserRow('u', [interaction('u', 'c')]);
    await until(async () => seen(await views.user('u')).join() === 'c');
  });

  contract('keeps the newest row when older ones are written again', async (world, { open, replay }, t) => {
    if (replay === undefined) return t.skip('this store has no writer beside it');
    const views = await open();
    await views.caughtUp;
    for (let round = 0; round < 20; round++) {
      await world.putUserRow('kept', [interaction('kept', `item ${round}`)]);
      await world.putUserRow('gone', [interaction('gone', `item ${round}`)]);
    }
    await remove(world, world.topics['user-features-1'], 'gone');
    const isRight = async () => {
      const [kept, gone] = await views.users(['kept', 'gone']);
      return seen(kept as UserRows).join() === 'item 19' && gone?.state === undefined;
    };
    await until(isRight);
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
    const announce = async (topic: 'user-features-1' | 'item-features-1', ms: number) => {
      const carried = Buffer.alloc(16);
      carried.writeUInt32BE(1, 4);
      carried.writeDoubleBE(ms, 8);
      const header = ['mr-watermark', carried] as const;
      await producer.append(topic, 2, [
        { key: Buffer.from('u'), value: null, timestamp: ms, headers: [header] },
      ]);
      await until(() => views.watermark === ms);
    };
    await announce('user-features-1', 1_000);
    await announce('item-features-1', 3_000);
    await announce('user-features-1', 5_000);
    await producer.close();
    const another = await open();
    await another.caughtUp;
    assert.equal(another.watermark, 5_000);
  });

  contract('leaves damaged rows out, and counts them', async (world, { open }) => {
    await world.putUser(user('u', 30));
    await world.putUserRow('u', [interaction('u', 'a')]);
    await world.putItems([item('a')]);
    const damaged = { timestamp: 0, value: Buffer.from('no row') };
    const producer = await world.log.producer();
    for (const topic of ['users', 'user-features-1'] as const) {
      for (let partition = 0; partition < world.topics[topic].partitions; partition++) {
        await producer.append(topic, partition, [{ key: Buffer.from('damaged'), ...damaged }]);
      }
    }
    await producer.append('items', 0, [{ key: Buffer.from('damaged'), ...damaged }]);
    await producer.close();
    const views = await open();
    await views.caughtUp;
    assert.deepEqual(await views.user('damaged'), { state: undefined, profile: null });
    assert.equal(views.item('damaged'), undefined);
    assert.equal(seen(await views.user('u')).length, 1);
    assert.equal((await views.user('u')).profile?.age, 30);
    const text = await world.metrics.render();
    for (const topic of ['users', 'user-features-1', 'items']) {
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
      const unwatch = views.watchItems((id, change) => told.push(`${id} ${change}`));
      await world.putItems([item('a')]);
      await until(() => told.includes('a item'));
      await world.putItemRow('a', [interaction('u', 'a')]);
      await until(() => told.includes('a features'));
      assert.equal(told.length, 2);
      unwatch();
      await world.putItems([item('b')]);
      await until(() => views.isAvailable('b'));
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

const userRows = asOfRows(userFeaturesView);
const itemRows = asOfRows(itemFeaturesView);

function liveItem(events: readonly Interaction[]) {
  return itemRows.live(events.reduce((row, event) => itemRows.insert(row, event), itemRows.empty()));
}

function assertState({ state }: UserRows, events: readonly Interaction[]): void {
  assert.ok(state);
  const expected = events.reduce((row, event) => userRows.insert(row, event), userRows.empty());
  assert.deepEqual(userFeaturesView.encode(state), userFeaturesView.encode(userRows.live(expected)));
}

function seen({ state }: { readonly state: UserState | undefined }): readonly string[] {
  if (state === undefined) return [];
  return userFeaturesView.finish(state, Date.now()).recent_items;
}

function user(userId: string, age: number) {
  return {
    user_id: userId,
    age,
    gender: 'unknown' as const,
    occupation: null,
    country: null,
    language: null,
    created: 0,
  };
}

async function remove<V>(world: TestWorld, topic: Topic<string, V>, key: string): Promise<void> {
  const writer = await TopicWriter.open(world.log, topic);
  await writer.write([{ key, value: null, timestamp: 0 }]);
  await writer.close();
}
