import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { ItemPolicy } from '../filters/item-policy.ts';
import { inThread, item, itemIds } from '../testing/tiny-model.ts';
import { openWorld } from '../testing/world.ts';
import { InProcessViewStore } from '../view-store/in-process.ts';
import { itemIdOf, itemNumber } from '../view-store/item-numbers.ts';
import { ServedVersion } from './served-version.ts';

async function worldOfItems(t: TestContext) {
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id) => item(id)));
  const views = await InProcessViewStore.open(world, world.topics);
  t.after(() => views.close());
  await views.caughtUp;
  return { world, views };
}

describe('served version', () => {
  it('serves whoever holds it after it is retired, and ends with the last of them', async (t) => {
    const { world, views } = await worldOfItems(t);
    const version = await ServedVersion.load(await world.train(16, 1), { ...world, views });
    version.acquire();
    version.acquire();
    let ended = false;
    const retired = version.retire().then(() => {
      ended = true;
    });
    const exclusion = { policy: ItemPolicy.open, items: [] };
    const query = { userId: 'user-1', profile: null, context: null, recentItems: [], exclusion, k: 5 };
    const ask = () => version.recommend(query);
    assert.equal((await ask()).length, 5);
    version.release();
    assert.equal((await ask()).length, 5);
    assert.equal(ended, false);
    version.release();
    await retired;
    await assert.rejects(ask(), { code: 'MR_INFERENCE_ENDED' });
    assert.throws(() => version.acquire(), /not used again/);
  });

  it('finds the items most like another one by the cosine of their vectors, not by their length', async (t) => {
    const { world, views } = await worldOfItems(t);
    const version = await ServedVersion.load(await world.train(16, 1), { ...world, views });
    t.after(() => version.retire());
    const { vectors } = version;
    assert.ok(vectors);
    const vectorOf = (id: string) => {
      const vector = new Float32Array(vectors.dim);
      assert.ok(vectors.copy(itemNumber(id), vector, 0));
      return vector;
    };
    const product = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
    const cosine = (a: Float32Array, b: Float32Array) =>
      product(a, b) / Math.sqrt(product(a, a) * product(b, b));
    const [asked = '', ...others] = itemIds;
    const expected = others
      .map((id) => ({ id, score: cosine(vectorOf(asked), vectorOf(id)) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, 5);
    const found = version.similar(itemNumber(asked), 5) ?? [];
    assert.deepEqual(
      found.map(({ item }) => itemIdOf(item)),
      expected.map(({ id }) => id),
    );
    for (const [i, { score }] of found.entries())
      assert.ok(Math.abs(score - (expected[i]?.score ?? 0)) < 1e-6, `${score} of ${expected[i]?.id}`);
    assert.deepEqual(version.similar(itemNumber('unheard of'), 5), []);
  });

  it('leaves nothing behind when it is proven useless', async (t) => {
    const { world, views } = await worldOfItems(t);
    const watch = views.watchItems.bind(views);
    let watching = 0;
    t.mock.method(views, 'watchItems', (listener: Parameters<typeof watch>[0]) => {
      const unwatch = watch(listener);
      watching++;
      return () => {
        watching--;
        unwatch();
      };
    });
    const candidate = await world.train(16, 1, [], inThread);
    // The second thread, which computes vectors, ends when it is ready, before its first request.
    process.once('worker', () => {
      process.once('worker', (thread) => thread.once('message', () => void thread.terminate()));
    });
    await assert.rejects(ServedVersion.load(candidate, { ...world, views }), { code: 'MR_INFERENCE_ENDED' });
    assert.equal(watching, 0);
  });

  it('is refused when its event names the directory of another', async (t) => {
    const world = await openWorld(t);
    const views = await InProcessViewStore.open(world, world.topics);
    t.after(() => views.close());
    const [one, other] = [await world.train(16, 1), await world.train(16, 2)];
    const mixed = { ...one, directory: other.directory };
    await assert.rejects(ServedVersion.load(mixed, { ...world, views }), { code: 'MR_VERSION_CORRUPT' });
  });
});
