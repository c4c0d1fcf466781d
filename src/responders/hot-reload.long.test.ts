import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { saveItemVectors } from '#models';
import { eventually } from '#platform/testing';
import { externalRanker, stored } from './testing/external-ranker.ts';
import { item, itemIds, tinyModel, userIds } from './testing/tiny-model.ts';
import { interaction, openWorld, type TestWorld } from './testing/world.ts';

async function worldOfUsers(t: Parameters<typeof openWorld>[0]): Promise<TestWorld> {
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id) => item(id)));
  for (const [i, user] of userIds.entries())
    await world.putUserRow(user, [interaction(user, itemIds[i * 3] as string)]);
  for (const [i, id] of itemIds.entries())
    await world.putItemRow(
      id,
      Array.from({ length: 1 + (i % 7) }, () => interaction('other', id)),
    );
  return world;
}

describe('hot reload', { timeout: 120_000 }, () => {
  it('compares a version that finds items, and one that ranks, with the one in use before it takes over', async (t) => {
    const world = await worldOfUsers(t);
    const [first, second] = [await world.train(16, 1), await world.train(32, 2)];
    await world.promote(first);
    const responder = await world.responder();
    for (const user of userIds) await responder.recommend(user, { k: 10 });
    await world.promote(second);
    await eventually(() => responder.version === second.version);
    const [found] = responder.comparisons;
    assert.deepEqual(
      [found?.role, found?.mode, found?.version, found?.production, found?.requests],
      ['retrieval', 'swap', second.version, first.version, userIds.length],
    );
    assert.ok(found?.overlap !== null && (found?.overlap ?? 2) <= 1);
    assert.match(await world.metrics.render(), /version_agreement\{role="retrieval",mode="swap"/);
    // Another of the same files agrees with itself in all.
    const ranker = await externalRanker(world);
    await world.promote(ranker);
    await eventually(() => responder.ranker === ranker.version);
    assert.equal(responder.comparisons.length, 1, 'no ranker was in use before');
  });

  it('refuses a version that scores all items alike, and goes on with the one in use', async (t) => {
    const world = await worldOfUsers(t);
    const first = await world.train(16, 1);
    const { contents } = await tinyModel(16, 2);
    const zeros = saveItemVectors(new Float32Array(itemIds.length * 16), 16);
    const useless = await stored(world, 'two-tower', { ...contents, 'items.index': zeros }, 'retrieval');
    await world.promote(first);
    const responder = await world.responder();
    for (const user of userIds) await responder.recommend(user, { k: 10 });
    await world.promote(useless);
    const refused = 'version_loads_total{outcome="MR_VERSION_CORRUPT"} 1';
    await eventually(async () => (await world.metrics.render()).includes(refused));
    const { version, items } = await responder.recommend('user-1', { k: 5 });
    assert.deepEqual([version, items.length, responder.notReady()], [first.version, 5, undefined]);
  });

  it('a staged version scores what is answered, is never served, and nothing of it remains when promoted', async (t) => {
    const world = await worldOfUsers(t);
    const [first, second] = [await world.train(16, 1), await world.train(32, 2)];
    const ranker = await externalRanker(world);
    await world.promote(first);
    await world.promote(second, 'staged');
    await world.promote(ranker, 'staged');
    const responder = await world.responder({ recommending: { ...world.recommending, shadow: 1 } });
    await eventually(async () => (await world.metrics.render()).match(/version_shadowed\{/g)?.length === 2);
    const answers = await Promise.all(userIds.map((user) => responder.recommend(user, { k: 10 })));
    for (const { version, ranker: named } of answers)
      assert.deepEqual([version, named], [first.version, null]);
    await eventually(async () => (await world.shadowScores()).length === 2 * userIds.length);
    const scores = await world.shadowScores();
    const requests = new Set(answers.map(({ request_id }) => request_id));
    assert.deepEqual(new Set(scores.map(({ request_id }) => request_id)), requests);
    for (const { role, version, shadow, items } of scores) {
      const expected = role === 'retrieval' ? [first.version, second.version] : [null, ranker.version];
      assert.deepEqual([version, shadow], expected);
      assert.ok(items.some(({ shadow_score }) => shadow_score !== null));
    }
    // The scores of the version in use are those of its answers.
    const [answered] = answers;
    const logged = scores.find(
      ({ request_id, role }) => request_id === answered?.request_id && role === 'retrieval',
    );
    for (const { item_id, score } of answered?.items ?? [])
      assert.equal(logged?.items.find((each) => each.item_id === item_id)?.score, score);

    await world.promote(second);
    await eventually(() => responder.version === second.version);
    await eventually(
      async () => !(await world.metrics.render()).includes(`version_shadowed{version="${second.version}"`),
    );
    const { version } = await responder.recommend('user-1', { k: 3 });
    assert.equal(version, second.version);
  });

  it('loads no staged version where none is wanted', async (t) => {
    const world = await worldOfUsers(t);
    await world.promote(await world.train(16, 1));
    await world.promote(await world.train(32, 2), 'staged');
    const responder = await world.responder();
    await responder.recommend('user-1');
    await responder.close();
    assert.doesNotMatch(await world.metrics.render(), /version_shadowed\{|shadow_requests_total\{/);
    assert.deepEqual(await world.shadowScores(), []);
  });
});
