/** The part of the view stores' contract that is about rows of several views, and of crossed entities. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { crossKey, userCategoryFeaturesView, userFeaturesView, userItemFeaturesView } from '#features';
import { eventually } from '#platform/testing';
import type { Item, User } from '#schemas';
import { item } from '../testing/tiny-model.ts';
import { interaction, type TestWorld } from '../testing/world.ts';
import type { RowKey, ViewStore } from './port.ts';
import { eventsOn, facts, liveState, user } from './testing/rows.ts';

export type OpenedViews = {
  /** Opens a store on the world's topics; it is closed by the test, or else with it. */
  open(): Promise<ViewStore>;
  /**
   * Where a writer fills the store: lets a second one write all records again that the topics have ever had, and resolves
   * when it has.
   */
  replay?(): Promise<void>;
};

/** States one test of the suite. */
export type Contract = (
  title: string,
  body: (world: TestWorld, opened: OpenedViews, t: TestContext) => Promise<void>,
) => void;

export function crossedRowsContract(contract: Contract): void {
  contract('gives rows of several views in one call, and of crossed entities', async (world, { open }) => {
    const users = ['u1', 'ü-{2}', '{u}:3'];
    const others = ['a', 'ä {b}', 'long'.repeat(30), ''];
    for (const id of users) {
      const event = { ...interaction(id, 'a'), item: facts('a') };
      await world.putUserRow(id, [event]);
      for (const other of others) {
        const key = crossKey(id, other);
        await world.putRow(userCategoryFeaturesView, key, [{ ...event, item: facts(other) }]);
        await world.putRow(userItemFeaturesView, key, eventsOn(id, other));
      }
    }
    await world.putUser(user('u1', 51));
    await world.putItems([item('a')]);
    await world.putItemRow('a', [interaction('u1', 'a')]);
    const views = await open();
    await views.caughtUp;
    const pairs = users.flatMap((id) => others.map((other) => [id, other] as const));
    const asked: RowKey[] = [
      { view: 'item-profile', key: 'a' },
      ...pairs.map(([id, other]) => ({ view: 'user-item-features', key: crossKey(id, other) })),
      { view: 'user-profile', key: 'u1' },
      ...pairs.map(([id, other]) => ({ view: 'user-category-features', key: crossKey(id, other) })),
      { view: 'user-item-features', key: crossKey('u1', 'none') },
      { view: 'user-item-features', key: 'u1' },
      { view: 'item-features', key: 'a' },
      { view: 'user-features', key: 'u1' },
      { view: 'item-features', key: 'none' },
    ];
    const rows = await views.rows(asked);
    assert.equal(rows.length, asked.length);
    const at = (view: string, key: string) =>
      rows[asked.findIndex((each) => each.view === view && each.key === key)];
    for (const [id, other] of pairs) {
      const pair = at('user-item-features', crossKey(id, other));
      assert.deepEqual(pair, liveState(userItemFeaturesView, eventsOn(id, other)));
      const { events } = userCategoryFeaturesView.finish(
        at('user-category-features', crossKey(id, other)) as never,
        Date.now(),
      );
      assert.equal(events, 1);
    }
    assert.equal((at('item-profile', 'a') as Item).title, 'Title of a');
    assert.equal((at('user-profile', 'u1') as User).age, 51);
    assert.deepEqual(at('item-features', 'a'), views.itemState('a'));
    assert.notEqual(at('user-features', 'u1'), undefined);
    for (const missing of [crossKey('u1', 'none'), 'u1']) {
      assert.equal(at('user-item-features', missing), undefined);
    }
    assert.equal(at('item-features', 'none'), undefined);
  });

  contract('forgets a user: each row that is deleted is gone, and no other', async (world, { open }) => {
    const items = ['a', 'b', 'c'];
    for (const id of ['u', 'u2']) {
      await world.putUserRow(id, [interaction(id, 'a')]);
      for (const other of items) {
        await world.putRow(userItemFeaturesView, crossKey(id, other), eventsOn(id, other));
        await world.putRow(userCategoryFeaturesView, crossKey(id, other), eventsOn(id, other));
      }
    }
    const views = await open();
    await views.caughtUp;
    const rowsOf = (id: string) =>
      views.rows([
        { view: 'user-features', key: id },
        ...items.flatMap((other) => [
          { view: 'user-item-features', key: crossKey(id, other) },
          { view: 'user-category-features', key: crossKey(id, other) },
        ]),
      ]);
    const count = async (id: string) => (await rowsOf(id)).filter((row) => row !== undefined).length;
    assert.deepEqual([await count('u'), await count('u2')], [7, 7]);
    await world.putRow(userItemFeaturesView, crossKey('u', 'b'), null);
    await eventually(async () => (await count('u')) === 6);
    assert.equal((await rowsOf('u'))[3], undefined);
    for (const other of items) {
      await world.putRow(userItemFeaturesView, crossKey('u', other), null);
      await world.putRow(userCategoryFeaturesView, crossKey('u', other), null);
    }
    await world.putRow(userFeaturesView, 'u', null);
    await eventually(async () => (await count('u')) === 0);
    assert.equal(await count('u2'), 7);
    await world.putRow(userItemFeaturesView, crossKey('u', 'b'), eventsOn('u', 'b'));
    await eventually(async () => (await count('u')) === 1);
  });
}
