import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createHttpServer } from '#platform';
import { eventually } from '#platform/testing';
import { externalRanker } from './testing/external-ranker.ts';
import { item, itemIds } from './testing/tiny-model.ts';
import { interaction, openWorld } from './testing/world.ts';

const USER = 'user-1';
const [SEEN = '', AWAY = ''] = itemIds;

/** A user who has seen an item, an item that is unavailable, and a version that knows both. */
async function served(t: TestContext) {
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id) => item(id, { available: id !== AWAY })));
  await world.putUserRow(USER, [interaction(USER, SEEN)]);
  await world.promote(await world.train(16, 1));
  const responder = await world.responder();
  const server = await createHttpServer(world);
  t.after(() => server.close());
  responder.registerRoutes(server);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const post = async (path: string, body: unknown) => {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    const response = await fetch(url + path, init);
    // biome-ignore lint/suspicious/noExplicitAny: what is compared is what came over the wire
    return { status: response.status, body: (await response.json()) as any };
  };
  return { world, responder, post };
}

const ids = (items: readonly { readonly item_id: string }[]) => items.map(({ item_id }) => item_id);

describe('requests for many, for sessions, and for an order', { timeout: 120_000 }, () => {
  it('answers each of a batch as it would alone, or says why not', async (t) => {
    const { responder, post } = await served(t);
    const requests = [
      { user_id: USER, k: 4, request_id: 'first' },
      { user_id: 'a\u0007b' },
      { user_id: 'nobody', k: 2 },
    ];
    const { status, body } = await post('/recommend', { requests });
    assert.equal(status, 200);
    const [first, refused, nobody] = body.answers;
    const alone = await responder.recommend(USER, { k: 4 });
    assert.deepEqual([first.answer.request_id, first.answer.user_id, first.answer.k], ['first', USER, 4]);
    assert.deepEqual(first.answer.items, alone.items);
    assert.deepEqual([refused.error.status, refused.error.code], [400, 'MR_PRIVACY_USER']);
    assert.deepEqual(ids(nobody.answer.items), ids((await responder.recommend('nobody', { k: 2 })).items));
  });

  it('refuses a batch whose form is wrong as a whole', async (t) => {
    const { post } = await served(t);
    const code = async (body: unknown) => {
      const { status, body: answer } = await post('/recommend', body);
      return `${status} ${answer.code}`;
    };
    assert.equal(await code({ requests: [{ user_id: USER, k: 101 }] }), '400 MR_RECOMMEND_K');
    const wrongContext = { user_id: USER, context: { device: 'fridge' } };
    assert.equal(await code({ requests: [wrongContext] }), '400 MR_RECOMMEND_CONTEXT');
    assert.equal(await code({ requests: [{ user_id: USER, request_id: '' }] }), '400 MR_RECOMMEND_REQUEST');
    const many = Array.from({ length: 101 }, () => ({ user_id: USER }));
    const neither = [{ k: 3 }];
    const both = [{ user_id: USER, recent_items: [SEEN] }];
    for (const requests of [[], many, neither, both])
      assert.equal(await code({ requests }), '400 MR_HTTP_REQUEST');
  });

  it('answers a session by what it has met, and logs it without a user or its items', async (t) => {
    const { world, responder, post } = await served(t);
    const recent = itemIds.slice(4, 7);
    const { body } = await post('/recommend', {
      requests: [{ recent_items: recent, k: 5 }, { recent_items: [] }],
    });
    const [{ answer }, empty] = body.answers;
    assert.deepEqual([answer.user_id, answer.version], [null, responder.version]);
    assert.deepEqual(
      new Set(answer.items.map(({ source }: { source: string }) => source)),
      new Set(['index']),
    );
    assert.equal(ids(answer.items).filter((id) => recent.includes(id) || id === AWAY).length, 0);
    // One who has met the same and whom the model does not know is answered the same.
    await world.putUserRow(
      'stranger',
      recent.toReversed().map((id) => interaction('stranger', id)),
    );
    await eventually(async () => {
      const { items } = await responder.recommend('stranger', { k: 5 });
      return items[0]?.source === 'index';
    });
    const stranger = await responder.recommend('stranger', { k: 5 });
    assert.deepEqual(new Set(ids(answer.items)), new Set(ids(stranger.items)));
    assert.deepEqual(
      new Set(empty.answer.items.map(({ source }: { source: string }) => source)),
      new Set(['popular']),
    );
    await responder.close();
    const logged = await world.loggedAnswers();
    const session = logged.find(({ request_id }) => request_id === answer.request_id);
    assert.equal(session?.user_id, '');
    assert.equal(
      recent.some((id) => JSON.stringify(session).includes(`"${id}"`)),
      false,
    );
  });

  it('orders items by the scores of the version that finds them', async (t) => {
    const { responder, post } = await served(t);
    const found = await responder.recommend(USER, { k: 20 });
    const wanted = found.items.filter(({ source }) => source === 'index').toReversed();
    assert.ok(wanted.length > 3);
    const items = [...ids(wanted), AWAY, 'none', AWAY, ...ids(wanted)];
    const { status, body } = await post('/rank', { user_id: USER, items });
    assert.equal(status, 200);
    assert.deepEqual([body.version, body.ranker, body.degraded], [responder.version, null, null]);
    assert.deepEqual(ids(body.items), ids(wanted.toReversed()));
    for (const [i, { score }] of body.items.entries()) {
      assert.ok(Math.abs(score - (wanted.at(-1 - i)?.score ?? 0)) < 1e-5);
    }
    assert.deepEqual(body.unranked, [
      { item_id: AWAY, reason: 'unavailable' },
      { item_id: 'none', reason: 'unknown' },
    ]);
    const stranger = await post('/rank', { user_id: 'stranger', items: [SEEN] });
    assert.deepEqual(stranger.body.unranked, [{ item_id: SEEN, reason: 'unscored' }]);
    const tooMany = Array.from({ length: 501 }, (_, i) => `i${i}`);
    assert.equal((await post('/rank', { user_id: USER, items: tooMany })).body.code, 'MR_HTTP_REQUEST');
    assert.equal((await post('/rank', { user_id: '', items: [SEEN] })).body.code, 'MR_PRIVACY_USER');
  });

  it('orders them by the ranker where there is one, for strangers too', async (t) => {
    const { world, responder, post } = await served(t);
    await world.promote(await externalRanker(world));
    await eventually(() => responder.ranker !== undefined);
    for (const user_id of [USER, 'stranger']) {
      const { status, body } = await post('/rank', { user_id, items: [...itemIds, 'none'] });
      assert.deepEqual([status, body.ranker], [200, responder.ranker], JSON.stringify(body));
      assert.equal(body.items.length, itemIds.length - 1);
      const scores = body.items.map(({ score }: { score: number }) => score);
      assert.deepEqual(
        scores,
        scores.toSorted((a: number, b: number) => b - a),
      );
    }
  });
});
