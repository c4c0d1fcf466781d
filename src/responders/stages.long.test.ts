import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { TopicWriter } from '#engine';
import { ITEM_WEIGHTS_FILE, ItemWeights, VOCABULARY_FILE, Vocabulary } from '#models';
import { createHttpServer } from '#platform';
import { eventually } from '#platform/testing';
import type { Item } from '#schemas';
import type { ResponderOptions } from './responder.ts';
import { externalRanker, stored } from './testing/external-ranker.ts';
import { stuckRows } from './testing/stuck-rows.ts';
import { item, itemIds } from './testing/tiny-model.ts';
import { interaction, openWorld, type TestWorld } from './testing/world.ts';

const USER = 'user-1';

/** Items go with the one after them and, less, with the one after that. */
async function coVisits(world: TestWorld) {
  const vocabulary = Vocabulary.build({
    users: [],
    items: itemIds.map((id) => ({ id, metadata: item(id) })),
  });
  const rows = itemIds.map((_, row) => {
    const ids = [row - 1, row - 2].filter((other) => other >= 0);
    return { ids: Int32Array.from(ids), scores: Float32Array.from(ids, (_id, rank) => 1 / (rank + 1)) };
  });
  const contents = {
    [ITEM_WEIGHTS_FILE]: ItemWeights.of(rows).save(),
    [VOCABULARY_FILE]: vocabulary.toBytes(),
  };
  return stored(world, 'co-visits', contents, 'similar');
}

async function served(
  t: TestContext,
  changes: (id: string) => Partial<Item> = () => ({}),
  options: Partial<ResponderOptions> = {},
) {
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id) => item(id, changes(id))));
  const responder = await world.responder(options);
  const server = await createHttpServer(world);
  t.after(() => server.close());
  responder.registerRoutes(server);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const ask = async (request: object) => {
    const response = await fetch(`${url}/recommend`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ requests: [request] }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: what is compared is what came over the wire
    const body = (await response.json()) as any;
    assert.equal(response.status, 200, JSON.stringify(body));
    assert.ok(body.answers[0].answer, JSON.stringify(body));
    return body.answers[0].answer;
  };
  const get = async (path: string) => {
    const response = await fetch(url + path);
    // biome-ignore lint/suspicious/noExplicitAny: what is compared is what came over the wire
    return { status: response.status, body: (await response.json()) as any };
  };
  return { world, responder, ask, get };
}

const ids = (items: readonly { readonly item_id: string }[]) => items.map(({ item_id }) => item_id);
const inCategory = (category: number) => itemIds.filter((id) => Number(id.slice(-1)) % 3 === category);

describe('the stages of an answer', { timeout: 240_000 }, () => {
  it('leaves out what the one who asks may not see, by profile, context and request', async (t) => {
    const changes = (id: string): Partial<Item> => {
      const n = Number(id.slice(-2));
      return {
        age_limit: n < 5 ? 19 : n < 10 ? 16 : 0,
        countries: n >= 10 && n < 20 ? ['DE'] : [],
        language: n >= 20 && n < 30 ? 'fr' : null,
        created: n >= 30 && n < 40 ? Date.now() - 10 * 86_400_000 : Date.now(),
      };
    };
    const { world, ask } = await served(t, changes);
    const range = (from: number, to: number) => itemIds.slice(from, to);
    const without = (...left: readonly (readonly string[])[]) =>
      itemIds.filter((id) => !left.flat().includes(id));
    const all = async (request: object) => ids((await ask({ k: 100, ...request })).items).sort();
    // With age and country unknown, items for adults are admitted and items limited to countries are not.
    assert.deepEqual(await all({ user_id: 'nobody' }), without(range(0, 5), range(10, 20)));
    assert.deepEqual(await all({ user_id: 'nobody', context: { country: 'DE' } }), without(range(0, 5)));
    const young = { user_id: 'young', age: 15, country: 'DE', gender: 'unknown', language: null } as const;
    await world.putUser({ ...young, occupation: null, created: 0 });
    await eventually(async () => (await all({ user_id: 'young' })).length === 50);
    assert.deepEqual(await all({ user_id: 'young' }), without(range(0, 10)));
    assert.deepEqual(
      await all({ user_id: 'young', filters: { languages: ['de'] } }),
      without(range(0, 10), range(20, 30)),
    );
    assert.deepEqual(
      await all({ user_id: 'young', filters: { max_age_days: 5 } }),
      without(range(0, 10), range(30, 40)),
    );
    assert.deepEqual(await all({ user_id: 'young', filters: { allow: range(8, 12) } }), range(10, 12));
    assert.deepEqual(
      await all({ user_id: 'young', filters: { deny: range(40, 60) } }),
      without(range(0, 10), range(40, 60)),
    );
    assert.deepEqual(await all({ user_id: 'young', filters: { allow: [] } }), []);
    const [current = ''] = inCategory(1).slice(-1);
    assert.deepEqual(
      await all({ user_id: 'young', category: 'category-1', current_item: current }),
      inCategory(1).filter((id) => !range(0, 10).includes(id) && id !== current),
    );
  });

  it('finds by the index what the same filters leave, with the scores of the version', async (t) => {
    const { world, responder, ask } = await served(t, (id) => ({
      age_limit: Number(id.slice(-1)) < 4 ? 19 : 0,
    }));
    await world.putUserRow(USER, [interaction(USER, 'item-55')]);
    await world.promote(await world.train(16, 1));
    await eventually(() => responder.version !== undefined);
    await eventually(async () => (await ask({ user_id: USER })).items[0]?.source === 'index');
    const { items } = await ask({ user_id: USER, k: 100 });
    assert.equal(items.length, 35);
    assert.ok(ids(items).every((id) => Number(id.slice(-1)) >= 4 && id !== 'item-55'));
    assert.ok(items.every(({ source }: { source: string }) => source === 'index'));
    const allow = ids(items.slice(10, 14));
    assert.deepEqual(ids((await ask({ user_id: USER, filters: { allow } })).items), allow);
    const kept = items.filter(({ item_id }: { item_id: string }) => inCategory(2).includes(item_id));
    assert.deepEqual((await ask({ user_id: USER, k: 100, category: 'category-2' })).items, kept);
    // An anonymous session with the same history, and one that only looks at an item.
    const toSession = await ask({ recent_items: ['item-55'], k: 5 });
    const looking = await ask({ recent_items: [], current_item: 'item-55', k: 5 });
    assert.deepEqual(ids(looking.items), ids(toSession.items));
    assert.ok(toSession.items.every(({ source }: { source: string }) => source === 'index'));
  });

  it('gathers candidates of every source for a ranker, each once, and logs what they were chosen from', async (t) => {
    const options = { recommending: { deadlineMs: 60_000, candidates: 40, candidatesLogged: 1 } };
    const { world, responder, ask } = await served(
      t,
      (id) => ({ created: Number(id.slice(-2)) * 3_600_000 }),
      options,
    );
    await world.putUserRow(
      USER,
      ['item-10', 'item-01', 'item-20'].map((id) => ({
        ...interaction(USER, id),
        item: {
          type: 'video',
          category: 'category-2',
          tags: [],
          duration_ms: null,
          difficulty: null,
          created: 0,
        },
      })),
    );
    for (let i = 0; i < 9; i++) {
      const id = `item-2${i}`;
      await world.putItemRow(
        id,
        Array.from({ length: 9 - i }, () => interaction('other', id)),
      );
    }
    await world.promote(await world.train(16, 1));
    await world.promote(await coVisits(world));
    await world.promote(await externalRanker(world));
    await eventually(() => responder.ranker !== undefined);
    const sources = ['index', 'co_visited', 'followed_category', 'trending', 'new', 'popular'];
    const lastCandidates = async () => (await world.loggedAnswers()).at(-1)?.candidates ?? [];
    await eventually(async () => {
      await ask({ user_id: USER, k: 5 });
      const found = new Set((await lastCandidates()).flatMap((candidate) => candidate.sources));
      return sources.every((source) => found.has(source as 'index'));
    });
    const { items, ranker } = await ask({ user_id: USER, k: 15 });
    assert.equal(ranker, responder.ranker);
    assert.equal(new Set(ids(items)).size, 15);
    const scores = items.map(({ score }: { score: number }) => score);
    assert.deepEqual(
      scores,
      scores.toSorted((a: number, b: number) => b - a),
    );
    await responder.close();
    const candidates = await lastCandidates();
    assert.equal(new Set(candidates.map(({ item_id }) => item_id)).size, candidates.length);
    const dropped = candidates.filter((each) => each.dropped !== null);
    assert.ok(dropped.some((each) => each.item_id === 'item-20' && each.dropped === 'consumed'));
    const shown = candidates.filter((each) => each.dropped === null).slice(0, 15);
    assert.deepEqual(ids(shown), ids(items));
    const metrics = await world.metrics.render();
    assert.match(metrics, /recommend_filtered_total\{filter="consumed"\} [1-9]/);
    assert.match(metrics, /recommend_stage_ms_count\{stage="ranking"\} [1-9]/);
  });

  it('answers similar items by the version of that role, and co-visited ones to who looks at an item', async (t) => {
    const { world, get, ask } = await served(t);
    await world.promote(await coVisits(world));
    await eventually(async () => (await get('/similar/item-10')).status === 200);
    const { body } = await get('/similar/item-10?k=3');
    assert.deepEqual(ids(body.items), ['item-09', 'item-08']);
    const { items, version } = await ask({ user_id: 'nobody', current_item: 'item-10', k: 4 });
    assert.equal(version, null);
    assert.deepEqual(
      items.slice(0, 2).map(({ item_id, source }: { item_id: string; source: string }) => [item_id, source]),
      [
        ['item-11', 'co_visited'],
        ['item-12', 'co_visited'],
      ],
    );
    assert.equal(items[2].source, 'popular');
  });

  it('fills up for new users with what their country takes to, then their cohort, then everyone', async (t) => {
    const { world, ask } = await served(t, (id) => ({ available: id !== 'item-31' }));
    const writer = await TopicWriter.open(world.log, world.topics['segment-popularity']);
    const list = (...items: readonly string[]) => ({
      items: items.map((item_id, rank) => ({ item_id, score: 10 - rank })),
    });
    await writer.write([
      { key: 'country:DE', value: list('item-30', 'item-31', 'item-32'), timestamp: 0 },
      { key: 'cohort:25:female', value: list('item-32', 'item-40'), timestamp: 0 },
    ]);
    await writer.close();
    const user = { user_id: 'new', age: 30, gender: 'female', occupation: null, language: null } as const;
    await world.putUser({ ...user, country: 'DE', created: 0 });
    const shown = async (request: object) =>
      (await ask({ k: 4, ...request })).items.map(
        ({ item_id, source }: { item_id: string; source: string }) => `${item_id} ${source}`,
      );
    const expected = [
      'item-30 popular_in_country',
      'item-32 popular_in_country',
      'item-40 popular_in_cohort',
    ];
    await eventually(async () => (await shown({ user_id: 'new' }))[2] === expected[2]);
    assert.deepEqual(await shown({ user_id: 'new' }), [...expected, 'item-00 popular']);
    // Where the request comes from counts more than where the user lives.
    const abroad = { user_id: 'new', context: { country: 'AT' } };
    assert.deepEqual((await shown(abroad)).slice(0, 2), [
      'item-32 popular_in_cohort',
      'item-40 popular_in_cohort',
    ]);
    const guest = { recent_items: ['item-30'], context: { country: 'DE' } };
    assert.equal((await shown(guest))[0], 'item-32 popular_in_country');
  });

  it('answers from what remains when time is up, and says so', async (t) => {
    const world = await openWorld(t);
    await world.putItems(itemIds.map((id) => item(id)));
    await world.putUserRow(USER, [interaction(USER, 'item-55')]);
    await world.promote(await world.train(16, 1));
    await world.promote(await externalRanker(world));
    const views = await stuckRows(world);
    const responder = await world.responder({ views, recommending: { deadlineMs: 3_000 } });
    await eventually(() => responder.ranker !== undefined);
    const { degraded, version, ranker, items } = await responder.recommend(USER, { k: 5 });
    assert.deepEqual([degraded, version, ranker], ['MR_RECOMMEND_DEADLINE', null, null]);
    assert.deepEqual(
      items.map(({ source }) => source),
      Array.from({ length: 5 }, () => 'popular'),
    );
    assert.match(
      await world.metrics.render(),
      /recommend_degraded_total\{reason="MR_RECOMMEND_DEADLINE"\} [1-9]/,
    );
    await responder.close();
    assert.equal((await world.loggedAnswers())[0]?.degraded, 'MR_RECOMMEND_DEADLINE');
  });

  it('logs what a request said of itself to users with a name, and nothing of the others', async (t) => {
    const { world, responder, ask } = await served(t);
    await world.putUserRow(USER, [interaction(USER, 'item-55')]);
    const said = {
      context: { device: 'tv', country: 'DE', language: 'de' },
      session_id: 's1',
      current_item: 'item-03',
      category: 'category-1',
    };
    await ask({ user_id: USER, request_id: 'named', ...said });
    await ask({ recent_items: ['item-01'], request_id: 'session', ...said });
    await responder.close();
    const [named, session] = await world.loggedAnswers();
    const logged = (answer: typeof named) =>
      answer && [answer.context?.country, answer.session_id, answer.current_item, answer.category];
    assert.deepEqual(logged(named), ['DE', 's1', 'item-03', 'category-1']);
    assert.deepEqual(logged(session), [undefined, null, null, null]);
  });
});
