import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { z } from '#platform/configuration';
import type { Item } from '#schemas';
import { RESPONDERS_OPTIONS } from './options.ts';
import type { ResponderOptions } from './responder.ts';
import { item, itemIds } from './testing/tiny-model.ts';
import { openWorld } from './testing/world.ts';

type Recommending = NonNullable<ResponderOptions['recommending']>;

async function opened(
  t: TestContext,
  recommending: Recommending = {},
  items: readonly Item[] = itemIds.map((id) => item(id)),
) {
  const world = await openWorld(t);
  await world.putItems(items);
  return world.responder({ recommending: { deadlineMs: 60_000, cacheMs: 0, ...recommending } });
}

const ids = (items: readonly { readonly item_id: string }[]) => items.map(({ item_id }) => item_id);

describe('answers to users of whom nothing is known', { timeout: 120_000 }, () => {
  it('keep to the cap by category as long as there are others', async (t) => {
    const items = itemIds.map((id, i) => item(id, { category: i < 40 ? 'most' : `own-${i}` }));
    const responder = await opened(t, { perCategory: 2 }, items);
    const answer = await responder.recommend('nobody', { k: 10 });
    const most = ids(answer.items).filter((id) => id < 'item-40');
    assert.deepEqual(most, ['item-00', 'item-01']);
    assert.equal(answer.items.length, 10);
  });

  it('draw the last place from the twenty that follow it and itself, at any k', async (t) => {
    const responder = await opened(t, { explore: 1 });
    for (const k of [1, 2, 40]) {
      const drawn = new Set<string | undefined>();
      for (let i = 0; i < 400; i++) {
        const { items } = await responder.recommend('nobody', { k, requestId: `request-${i}` });
        assert.equal(items.length, k);
        assert.deepEqual(ids(items.slice(0, -1)), itemIds.slice(0, k - 1));
        assert.ok(Math.abs((items.at(-1)?.propensity ?? 0) - 1 / Math.min(21, 61 - k)) < 1e-12);
        drawn.add(items.at(-1)?.item_id);
      }
      assert.deepEqual([...drawn].sort(), itemIds.slice(k - 1, k + 20));
    }
    const { items } = await responder.recommend('nobody', { k: 60 });
    assert.deepEqual([ids(items), items.at(-1)?.propensity], [itemIds, 1]);
  });

  it('draw the last place that no promoted item has', async (t) => {
    const promoted = [
      { item: 'item-50', position: 1 },
      { item: 'item-51', position: 3 },
    ];
    const responder = await opened(t, { explore: 1, promoted });
    for (const [k, place] of [
      [3, 1],
      [4, 3],
    ] as const) {
      const drawn = new Set<string | undefined>();
      for (let i = 0; i < 400; i++) {
        const { items } = await responder.recommend('nobody', { k, requestId: `request-${i}` });
        assert.deepEqual([items[0]?.item_id, items[2]?.item_id], ['item-50', 'item-51']);
        assert.equal(new Set(ids(items)).size, k);
        items.forEach(({ propensity }, at) => {
          assert.ok(Math.abs(propensity - (at === place ? 1 / 21 : 1)) < 1e-12);
        });
        drawn.add(items[place]?.item_id);
      }
      assert.deepEqual([...drawn].sort(), itemIds.slice(k - 3, k + 18));
    }
    const { items } = await responder.recommend('nobody', { k: 1 });
    assert.deepEqual(
      items.map(({ item_id, propensity }) => [item_id, propensity]),
      [['item-50', 1]],
    );
  });

  it('hold items of an allow list that no list of popular ones reaches', async (t) => {
    const items = Array.from({ length: 1_600 }, (_, i) => item(`item-${1_000 + i}`));
    const responder = await opened(t, {}, items);
    const allow = ['item-2599', 'item-1003', 'item-2598', 'nothing'];
    const answer = await responder.recommend('nobody', { allow });
    assert.deepEqual(ids(answer.items), ['item-1003', 'item-2599', 'item-2598']);
    const rest = await responder.recommend('nobody', {
      allow,
      deny: ['item-2599'],
      currentItem: 'item-1003',
    });
    assert.deepEqual(ids(rest.items), ['item-2598']);
  });
});

describe('filters at their limits', { timeout: 120_000 }, () => {
  it('an age limit lets that very age pass; the request says more of the country than the profile', async (t) => {
    const world = await openWorld(t);
    await world.putItems([
      item('item-00', { age_limit: 18 }),
      item('item-01', { age_limit: 19 }),
      item('item-02', { countries: ['AT', 'DE'] }),
      item('item-03', { countries: ['CH'], age_limit: 18 }),
    ]);
    const user = { age: 19, gender: 'unknown', occupation: null, language: null, created: 0 } as const;
    await world.putUser({ user_id: 'grown', country: 'CH', ...user });
    const responder = await world.responder();
    const shown = async (user_id: string, country: string | null = null) => {
      const context = { device: null, country, language: null };
      return ids((await responder.recommend(user_id, { k: 100, context })).items).sort();
    };
    assert.deepEqual(await shown('nobody'), ['item-00']);
    assert.deepEqual(await shown('nobody', 'AT'), ['item-00', 'item-02']);
    assert.deepEqual(await shown('grown'), ['item-00', 'item-01', 'item-03']);
    assert.deepEqual(await shown('grown', 'DE'), ['item-00', 'item-01', 'item-02']);
  });
});

describe('promoted items', () => {
  it('are refused where one has two positions, or a position two of them', () => {
    const { promoted } = RESPONDERS_OPTIONS.recommend;
    const schema = z.object({ promoted });
    const ofItem = [1, 3].map((position) => ({ item: 'i1', position }));
    const ofPlace = ['i1', 'i2'].map((id) => ({ item: id, position: 2 }));
    for (const wrong of [ofItem, ofPlace])
      assert.equal(schema.safeParse({ promoted: wrong }).success, false, JSON.stringify(wrong));
  });
});
