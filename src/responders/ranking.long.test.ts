import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { modelFeatures } from '#features';
import { ExternalScorer, modelNamed, type RankingModel, readExternalModel, train } from '#models';
import { eventually, temporaryDirectory } from '#platform/testing';
import { externalRanker, fixture, stored } from './testing/external-ranker.ts';
import { CATEGORY, shownLists } from './testing/shown-lists.ts';
import { item, itemIds } from './testing/tiny-model.ts';
import { interaction, openWorld, type TestWorld } from './testing/world.ts';

const USER = 'user-1';

/** A world whose items differ in how they were taken, and a version that finds them. */
async function worldToRank(t: Parameters<typeof openWorld>[0]): Promise<TestWorld> {
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id) => item(id)));
  await world.putUserRow(USER, [interaction(USER, itemIds[3] as string)]);
  for (const [i, id] of itemIds.entries()) {
    const kinds = Array.from(
      { length: 1 + (i % 7) },
      (_, n) => (n % 3 === 0 ? 'impression' : 'click') as 'click',
    );
    await world.putItemRow(
      id,
      kinds.map((kind) => interaction('other', id, kind)),
    );
  }
  await world.promote(await world.train(16, 1));
  return world;
}

describe('a model from outside as ranker', { timeout: 120_000 }, () => {
  it('orders what the version in force finds by its own scores of their features', async (t) => {
    const world = await worldToRank(t);
    const responder = await world.responder();
    const plain = await responder.recommend(USER, { k: 5 });
    assert.equal(plain.ranker, null);
    const ranker = await externalRanker(world);
    await world.promote(ranker);
    await eventually(() => responder.ranker === ranker.version);
    const { items, version, ranker: named } = await responder.recommend(USER, { k: 5 });
    assert.deepEqual([version, named], [responder.version, ranker.version]);

    // The same by hand: all that is found, scored by the features that the API gives.
    const { manifest, contents } = await readExternalModel(fixture);
    const scorer = await ExternalScorer.load(contents['model.onnx'] as Uint8Array, manifest);
    await world.promote(ranker, 'archived');
    await eventually(() => responder.ranker === undefined);
    const found = (await responder.recommend(USER, { k: 100 })).items.map(({ item_id }) => item_id);
    const answer = await responder.features.read({ user: USER, items: found });
    const columns = modelFeatures(manifest).map(({ view, feature }) =>
      Float64Array.from(answer.items ?? [], (ofItem) => {
        const row = { ...answer.user, ...ofItem };
        return Number(row[view]?.features[feature] ?? Number.NaN);
      }),
    );
    const scores = await scorer.score(columns, found.length);
    await scorer.close();
    const expected = found
      .map((item_id, i) => ({ item_id, score: scores[i] as number }))
      .toSorted((a, b) => b.score - a.score)
      .slice(0, 5);
    assert.deepEqual(
      items.map(({ item_id }) => item_id),
      expected.map(({ item_id }) => item_id),
    );
    // Decay goes on between the two.
    items.forEach(({ score }, i) => {
      assert.ok(Math.abs(score - (expected[i]?.score ?? 0)) < 1e-3, `${score} ${expected[i]?.score}`);
    });
    await responder.close();
    const logged = (await world.loggedAnswers()).map((each) => each.ranker);
    assert.deepEqual(logged, [null, ranker.version, null]);
  });

  it('is refused where its features are of another version, and what answers stays', async (t) => {
    const world = await worldToRank(t);
    const responder = await world.responder();
    const before = responder.version;
    const directory = join(temporaryDirectory(t), 'other');
    cpSync(fixture, directory, { recursive: true });
    const path = join(directory, 'model.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...manifest, views: { 'user-features': 1, 'item-features': 2 } }));
    await world.promote(await externalRanker(world, directory));
    const refused = 'version_loads_total{outcome="MR_MODEL_FEATURE"} 1';
    await eventually(async () => (await world.metrics.render()).includes(refused));
    // A directory of another version, and one whose graph is damaged.
    const good = await externalRanker(world);
    const damaged = { ...good, version: '0123456789abcdef', directory: 'versions/0123456789abcdef' };
    mkdirSync(join(world.dataDirectory, damaged.directory));
    writeFileSync(join(world.dataDirectory, damaged.directory, 'manifest.json'), '{}');
    await world.promote(damaged);
    const corrupt = 'version_loads_total{outcome="MR_VERSION_CORRUPT"} 1';
    await eventually(async () => (await world.metrics.render()).includes(corrupt));
    const { version, ranker, items } = await responder.recommend(USER, { k: 5 });
    assert.deepEqual([version, ranker, items.length], [before, null, 5]);
  });
});

describe('a network as ranker', { timeout: 120_000 }, () => {
  for (const name of ['neumf', 'dlrm']) {
    it(`${name}: answers are in the order of its chances, which are those of its own files`, async (t) => {
      const rows = shownLists();
      const model = modelNamed(name) as RankingModel;
      const views = { 'item-features': 2, 'item-profile': 1 };
      const subjects = { [CATEGORY]: 'catalogue' } as const;
      const dataset = { views, subjects, train: rows, heldOut: rows };
      const training = await model.open(dataset, { epochs: 4, batchSize: 64, learningRate: 0.02 }, 1);
      await train(training);
      const { files } = await training.result();
      await training.close();

      const world = await worldToRank(t);
      const responder = await world.responder();
      const version = await stored(world, name, files);
      await world.promote(version);
      await eventually(() => responder.ranker === version.version);
      const { items, ranker } = await responder.recommend(USER, { k: 5 });
      assert.equal(ranker, version.version);
      await world.promote(version, 'archived');
      await eventually(() => responder.ranker === undefined);
      const found = (await responder.recommend(USER, { k: 100 })).items.map(({ item_id }) => item_id);
      const answer = await responder.features.read({ user: USER, items: found });
      const own = await model.ranker(files);
      assert.ok(own.givesChances);
      const columns = own.inputs.map(({ features: [feature] }) =>
        feature === CATEGORY
          ? found.map((id) => item(id).category)
          : Float64Array.from(answer.items ?? [], (row) =>
              Number(row['item-features']?.features.impressions ?? 0),
            ),
      );
      const recentItems = [itemIds[3] as string];
      const asking = { user: USER, recentItems, profile: null, context: null };
      const scores = await own.score({ asking, items: found, columns });
      await own.close();
      const best = found
        .map((id, i) => ({ id, score: scores[i] as number }))
        .toSorted((a, b) => b.score - a.score);
      const ids = items.map(({ item_id }) => item_id);
      assert.ok(
        ids.every((id) => Number(id.slice(-2)) % 2 === 0),
        `${ids} are what users take`,
      );
      // What the moment adds is not known here, and moves all chances a little.
      items.forEach(({ score }, place) => {
        assert.ok(Math.abs(score - (best[place]?.score ?? 0)) < 0.1, `${score} and ${best[place]?.score}`);
      });
      if (name === 'neumf')
        assert.deepEqual(
          ids,
          best.slice(0, 5).map(({ id }) => id),
        );
    });
  }
});
