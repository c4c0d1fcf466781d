import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { modelNamed, type RankingModel, train } from '#models';
import { eventually } from '#platform/testing';
import { stored } from '../testing/external-ranker.ts';
import { shownLists } from '../testing/shown-lists.ts';
import { item, itemIds } from '../testing/tiny-model.ts';
import { interaction, openWorld } from '../testing/world.ts';

const USER = 'user-1';

async function rankedWorld(t: TestContext, name: string, recommending = {}) {
  const rows = shownLists();
  const model = modelNamed(name) as RankingModel;
  const views = { 'item-features': 2, 'item-profile': 1 };
  const subjects = { 'item-profile.category': 'catalogue' } as const;
  const config = name === 'neumf' ? { epochs: 2, batchSize: 64 } : {};
  const training = await model.open({ views, subjects, train: rows, heldOut: rows }, config, 1);
  await train(training);
  const { files } = await training.result();
  await training.close();
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id, i) => item(id, { available: i !== 5 })));
  await world.putUserRow(USER, [interaction(USER, itemIds[3] as string)]);
  for (const [i, id] of itemIds.entries()) {
    const events = Array.from({ length: 1 + (i % 7) }, () => interaction('other', id, 'impression'));
    await world.putItemRow(id, events);
  }
  await world.promote(await world.train(16, 1));
  const version = await stored(world, name, files);
  await world.promote(version);
  const responder = await world.responder({
    recommending: { deadlineMs: 60_000, candidatesLogged: 1, ...recommending },
  });
  await eventually(() => responder.ranker === version.version);
  return { world, responder, version };
}

describe('explaining answers', { timeout: 120_000 }, () => {
  it('tells of trees what adds up to the score, by the row that the event keeps', async (t) => {
    const { world, responder, version } = await rankedWorld(t, 'trees');
    const { request_id, items } = await responder.recommend(USER, { k: 5 });
    for (const [i, shown] of items.entries()) {
      const explained = await responder.explain(request_id, shown.item_id);
      const { contributions, outcome, place, score, lineage } = explained;
      assert.deepEqual([outcome, place, score], ['shown', i + 1, shown.score]);
      assert.ok(contributions, explained.unexplained ?? '');
      assert.equal(contributions.method, 'tree-shap');
      assert.equal(contributions.version, version.version);
      assert.deepEqual(contributions.features, { origin: 'logged', matches: true });
      assert.equal(contributions.score, shown.score);
      assert.equal(contributions.reproduces, true);
      const sum = contributions.parts.reduce((all, part) => all + part.contribution, contributions.base);
      assert.ok(Math.abs(sum - contributions.total) < 1e-9, `${sum} and ${contributions.total}`);
      const logged = (await world.loggedAnswers())[0]?.items[i];
      const shownOf = (name: string) => contributions.parts.find((part) => part.name === name)?.value;
      assert.deepEqual(logged?.features, [
        shownOf('item-features.impressions'),
        shownOf('item-profile.category'),
      ]);
      assert.deepEqual(
        lineage.map(({ version: id, role }) => [id, role]),
        [
          [responder.version, 'retrieval'],
          [version.version, 'ranking'],
        ],
      );
    }
    const [logged] = await world.loggedAnswers();
    const other = logged?.candidates.find(
      ({ item_id, dropped }) => dropped === null && items.every((each) => each.item_id !== item_id),
    );
    const notShown = await responder.explain(request_id, other?.item_id ?? '');
    assert.equal(notShown.outcome, 'not_shown');
    assert.equal(notShown.contributions?.score, other?.score);
    assert.deepEqual(notShown.contributions?.features, { origin: 'recomputed', matches: null });
    assert.equal((await responder.explain(request_id, 'nothing')).outcome, 'not_found');
  });

  it('computes features again where only their hash is kept, and compares; says what was not kept', async (t) => {
    const { world, responder } = await rankedWorld(t, 'trees', {
      featuresLogged: 'hashes',
      candidatesLogged: 0,
    });
    const { request_id, items } = await responder.recommend(USER, { k: 3, requestId: 'chosen by a client' });
    const [first] = items.map(({ item_id }) => item_id) as [string];
    const before = await responder.explain(request_id, first, { userId: USER });
    assert.deepEqual(before.contributions?.features, { origin: 'recomputed', matches: true });
    assert.equal(before.contributions?.reproduces, true);
    const rest = itemIds.find((id) => items.every(({ item_id }) => item_id !== id)) as string;
    assert.equal((await responder.explain(request_id, rest)).outcome, 'not_kept');
    const [logged] = await world.loggedAnswers();
    assert.deepEqual([logged?.items[0]?.features, logged?.candidates], [null, []]);
    await world.putItemRow(first, [interaction('other', first, 'impression')]);
    await eventually(async () => {
      const { contributions } = await responder.explain(request_id, first);
      return contributions?.features?.matches === false;
    });
  });

  it('tells of a network what adds up to its chance', async (t) => {
    const { responder } = await rankedWorld(t, 'neumf');
    const { request_id, items } = await responder.recommend(USER, { k: 1 });
    const { contributions } = await responder.explain(request_id, items[0]?.item_id ?? '');
    assert.equal(contributions?.method, 'sampled-shapley');
    assert.equal(contributions.reproduces, true);
    const sum = contributions.parts.reduce((all, part) => all + part.contribution, contributions.base);
    assert.ok(Math.abs(sum - contributions.score) < 1e-9);
    assert.ok(contributions.parts.some(({ name }) => name === 'item'));
  });

  it('tells what of a history a version has found an item by; knows nothing of sessions and unknown ids', async (t) => {
    const world = await openWorld(t);
    await world.putItems(itemIds.map((id) => item(id)));
    await world.putUserRow(USER, [interaction(USER, itemIds[3] as string)]);
    await world.promote(await world.train(16, 1));
    const responder = await world.responder();
    const { request_id, items } = await responder.recommend(USER, { k: 2 });
    const { contributions } = await responder.explain(request_id, items[0]?.item_id ?? '');
    assert.equal(contributions?.reproduces, true);
    assert.ok(contributions.parts.some(({ name, value }) => name === 'history' && value === itemIds[3]));
    const session = await responder.recommendToSession([itemIds[3] as string], { k: 1 });
    const ofNobody = await responder.explain(session.request_id, session.items[0]?.item_id ?? '');
    assert.deepEqual([ofNobody.outcome, ofNobody.contributions], ['shown', null]);
    for (const id of ['0198c0de-0000-7000-8000-000000000000', 'never given']) {
      await assert.rejects(responder.explain(id, 'i'), { code: 'MR_EXPLAIN_NOT_FOUND' });
    }
  });
});
