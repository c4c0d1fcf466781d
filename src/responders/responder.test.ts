import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createHttpServer, InputError, RetryableError } from '#platform';
import { eventually } from '#platform/testing';
import { writePrivacyStatus } from '#privacy';
import { loneVault } from '#privacy/testing';
import { answerDefaults, answeredItemDefaults } from '#schemas';
import { noDetails } from './request.ts';
import { openResponder } from './responder.ts';
import { Rescorer } from './testing/rescore.ts';
import { item, itemIds, userIds } from './testing/tiny-model.ts';
import { interaction, openWorld } from './testing/world.ts';

const known = userIds[3] as string;

describe('responder', () => {
  it('recommends to known, new and unknown users what neither is seen nor unavailable', async (t) => {
    const world = await openWorld(t);
    await world.putItems(itemIds.map((id) => item(id, { available: id !== 'item-05' })));
    await world.putItemRow(
      'item-10',
      [1, 2, 3].map((i) => interaction(`u${i}`, 'item-10')),
    );
    await world.putItemRow(
      'item-20',
      [1, 2].map((i) => interaction(`u${i}`, 'item-20')),
    );
    await world.putItemRow(
      'item-05',
      [1, 2, 3, 4].map((i) => interaction(`u${i}`, 'item-05')),
    );
    const seen = ['item-00', 'item-01', 'item-02', 'item-10'];
    await world.putUserRow(
      known,
      seen.map((id) => interaction(known, id)),
    );
    await world.putUserRow('new', [interaction('new', 'item-30'), interaction('new', 'item-31', 'skip')]);
    await world.promote(await world.train(16, 1));
    const responder = await world.responder();
    const histories: Record<string, string[]> = { [known]: seen.toReversed(), new: ['item-30'] };
    const rescorer = new Rescorer(world.dataDirectory, (user) => histories[user] ?? []);

    const toKnown = await responder.recommend(known, { k: 20, requestId: 'r1' });
    assert.deepEqual([toKnown.request_id, toKnown.user_id, toKnown.items.length], ['r1', known, 20]);
    assert.ok(toKnown.items.every(({ item_id, title }) => title === `Title of ${item_id}`));
    await rescorer.check(toKnown, new Set([...seen, 'item-05']));

    const toNew = await responder.recommend('new', { k: 10 });
    assert.ok(toNew.items.every(({ source }) => source === 'index'));
    await rescorer.check(toNew, new Set(['item-05', 'item-30', 'item-31']));

    const toUnknown = await responder.recommend('nobody', { k: 3 });
    assert.equal(toUnknown.version, responder.version);
    assert.deepEqual(
      toUnknown.items.map(({ item_id, source }) => `${item_id} ${source}`),
      ['item-10 popular', 'item-20 popular', 'item-00 popular'],
    );
    // Known to the model and without a row: one who has opted out since it was trained.
    const toOptedOut = await responder.recommend(userIds[7] as string);
    assert.ok(toOptedOut.items.every(({ source }) => source === 'popular'));
  });

  it('fills up with popular items what the index does not have', async (t) => {
    const world = await openWorld(t);
    await world.putItems([...itemIds.slice(0, 4), 'later-1', 'later-2'].map((id) => item(id)));
    await world.putUserRow(known, [interaction(known, 'item-01'), interaction(known, 'later-2')]);
    await world.promote(await world.train(16, 1));
    const { items } = await (await world.responder()).recommend(known);
    assert.deepEqual(items.map(({ item_id, source }) => `${item_id} ${source}`).sort(), [
      'item-00 index',
      'item-02 index',
      'item-03 index',
      'later-1 popular',
    ]);
    assert.equal(items.at(-1)?.item_id, 'later-1');
  });

  it('answers with popular items while there is no version, and is not ready without either', async (t) => {
    const world = await openWorld(t);
    const responder = await world.responder();
    assert.match(responder.notReady() ?? '', /neither a version nor an available item/);
    assert.deepEqual((await responder.recommend(known)).items, []);
    await world.putItems(itemIds.map((id) => item(id)));
    await eventually(() => responder.notReady() === undefined);
    const { version, items } = await responder.recommend(known);
    assert.deepEqual([version, items.length, items[0]?.source], [null, 10, 'popular']);
  });

  it('follows the views: a row changes the next answer, an item that goes leaves it', async (t) => {
    const world = await openWorld(t);
    await world.putItems(itemIds.map((id) => item(id)));
    await world.promote(await world.train(16, 1));
    const responder = await world.responder();
    const rescorer = new Rescorer(world.dataDirectory, () => ['item-42']);
    const ask = () => responder.recommend('fresh', { k: 5 });
    assert.ok((await ask()).items.every(({ source }) => source === 'popular'));

    await world.putUserRow('fresh', [interaction('fresh', 'item-42')]);
    await eventually(async () => (await ask()).items[0]?.source === 'index');
    const answer = await ask();
    await rescorer.check(answer, new Set(['item-42']));

    const best = answer.items[0]?.item_id as string;
    await world.putItems([item(best, { available: false })]);
    await eventually(async () => (await ask()).items[0]?.item_id !== best);
    await rescorer.check(await ask(), new Set(['item-42', best]));
    assert.ok(
      (await responder.recommend('nobody', { k: 100 })).items.every(({ item_id }) => item_id !== best),
    );
    await world.putItems([item(best)]);
    await eventually(async () => (await ask()).items[0]?.item_id === best);
  });

  it('leaves out a record that it cannot decode, and goes on', async (t) => {
    const world = await openWorld(t);
    const producer = await world.log.producer();
    const bad = { key: Buffer.from('bad'), value: Buffer.from('no item'), timestamp: 0 };
    await producer.append(world.topics.items.name, 0, [bad]);
    await producer.close();
    await world.putItems(itemIds.map((id) => item(id)));
    const responder = await world.responder();
    assert.equal((await responder.recommend('nobody', { k: 100 })).items.length, itemIds.length);
    assert.match(await world.metrics.render(), /responder_undecodable_total\{topic="items"\} 1/);
  });

  it('asks for rows and logs answers by pseudonym, answers by id, and makes nobody known', async (t) => {
    const vault = await loneVault(t);
    const world = await openWorld(t, vault);
    await world.putItems(itemIds.map((id) => item(id)));
    const pseudonym = await vault.pseudonymOf('anna');
    await world.putUserRow(pseudonym, [interaction(pseudonym, 'item-42')]);
    await world.promote(await world.train(16, 1));
    const responder = await world.responder();
    const toAnna = await responder.recommend('anna', { requestId: 'r1' });
    assert.deepEqual([toAnna.user_id, toAnna.items[0]?.source], ['anna', 'index']);
    const toPseudonym = await responder.recommendTo(pseudonym, { requestId: 'r2' });
    assert.deepEqual(
      [toPseudonym.user_id, toPseudonym.items.map(({ item_id }) => item_id)],
      [pseudonym, toAnna.items.map(({ item_id }) => item_id)],
    );
    const toNobody = await responder.recommend('nobody', { requestId: 'r3' });
    assert.deepEqual([toNobody.user_id, toNobody.items[0]?.source], ['nobody', 'popular']);
    assert.equal(vault.known('nobody'), undefined);
    await responder.close();
    const logged = await world.loggedAnswers();
    assert.deepEqual(logged.map(({ request_id, user_id }) => `${request_id} ${user_id}`).sort(), [
      `r1 ${pseudonym}`,
      `r2 ${pseudonym}`,
      'r3 ',
    ]);
  });

  it('knows nothing of who has opted out, though their rows are still there, and logs no answer as theirs', async (t) => {
    const world = await openWorld(t);
    const { log, topics } = world;
    await world.putItems(itemIds.map((id) => item(id)));
    await world.putUserRow(known, [interaction(known, 'item-42')]);
    await world.promote(await world.train(16, 1));
    const decide = (status: 'opted_out' | 'opted_in', ts: number) =>
      writePrivacyStatus(log, topics.privacy, { user_id: known, status, ts });
    await decide('opted_out', 1);
    const responder = await world.responder();
    const answers = [await responder.recommend(known), await responder.recommendTo(known)];
    for (const { user_id, items } of answers) {
      assert.equal(user_id, known);
      assert.ok(items.every(({ source }) => source === 'popular'));
    }
    await decide('opted_in', 2);
    await eventually(async () => (await responder.recommend(known)).items[0]?.source === 'index');
    await decide('opted_out', 3);
    await eventually(async () => (await responder.recommend(known)).items[0]?.source === 'popular');
    const last = await responder.recommend(known);
    await responder.close();
    const logged = new Map((await world.loggedAnswers()).map((answer) => [answer.request_id, answer]));
    for (const { request_id } of [...answers, last]) assert.equal(logged.get(request_id)?.user_id, '');
    for (const { user_id, items } of logged.values()) {
      assert.equal(user_id === known, items[0]?.source === 'index');
    }
  });

  it('closes while it still reads its views', { timeout: 180_000 }, async (t) => {
    const world = await openWorld(t);
    const open = world.log.consumer.bind(world.log);
    let polls = 0;
    t.mock.method(world.log, 'consumer', async () => {
      const consumer = await open();
      t.mock.method(consumer, 'poll', async () => {
        polls++;
        throw new RetryableError('MR_LOG_UNAVAILABLE', 'away');
      });
      return consumer;
    });
    const responder = await openResponder(world);
    await eventually(() => polls > 0);
    await responder.close();
  });

  it('closes what it has opened where the rest cannot be opened', async (t) => {
    const world = await openWorld(t);
    const open = {
      consumer: world.log.consumer.bind(world.log),
      producer: world.log.producer.bind(world.log),
    };
    let opened = 0;
    for (const kind of ['consumer', 'producer'] as const) {
      t.mock.method(world.log, kind, async () => {
        const one = await open[kind]();
        opened++;
        const close = one.close.bind(one);
        t.mock.method(one, 'close', () => {
          opened--;
          return close();
        });
        return one;
      });
    }
    for (const name of ['items', 'versions'] as const) {
      const absent = { ...world.topics[name], name: 'absent' };
      await assert.rejects(openResponder({ ...world, topics: { ...world.topics, [name]: absent } }), {
        code: 'MR_LOG_UNKNOWN_TOPIC',
      });
      assert.equal(opened, 0, name);
    }
  });

  it('logs each answer in order, those given while it closes included', async (t) => {
    const world = await openWorld(t);
    await world.putItems(itemIds.map((id) => item(id)));
    await world.promote(await world.train(16, 1));
    const responder = await world.responder();
    const asked = Array.from({ length: 40 }, (_, i) => responder.recommend(known, { k: i + 1 }));
    const closed = responder.close();
    const answers = await Promise.all(asked);
    await closed;
    await assert.rejects(responder.recommend(known), { code: 'MR_RESPONDER_CLOSED' });
    const expected = answers.map(({ items, ...answer }) => {
      const logged = items.map(({ title: _, ...rest }) => ({ ...answeredItemDefaults, ...rest }));
      return { ...answerDefaults, ...answer, context: noDetails.context, items: logged };
    });
    const logged = (await world.loggedAnswers()).map((answer) => ({ ...answer, candidates: [] }));
    assert.deepEqual(new Set(logged.map((answer) => answer.request_id)).size, answers.length);
    const byId = (a: { request_id: string }, b: { request_id: string }) =>
      a.request_id < b.request_id ? -1 : 1;
    assert.deepEqual(logged.toSorted(byId), expected.toSorted(byId));
  });

  it('serves HTTP: answers, reasons for refusals, readiness, requests in flight while closing', async (t) => {
    const world = await openWorld(t);
    const responder = await world.responder();
    const server = await createHttpServer(world);
    t.after(() => server.close());
    let asked = 0;
    server.routes.addHook('onRequest', async () => {
      asked++;
    });
    responder.registerRoutes(server);
    const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
    const get = async (path: string) => {
      const response = await fetch(url + path, { headers: { 'x-request-id': 'given' } });
      // biome-ignore lint/suspicious/noExplicitAny: what is compared is what came over the wire
      return { status: response.status, body: (await response.json()) as any };
    };
    const unready = await get('/health/ready');
    assert.deepEqual([unready.status, unready.body.not_ready[0].name], [503, 'responder']);
    await world.putItems(itemIds.map((id) => item(id)));
    await eventually(async () => (await get('/health/ready')).status === 200);

    const { status, body } = await get('/recommend/a%2Fb%20ü?k=3');
    assert.equal(status, 200);
    assert.deepEqual([body.request_id, body.user_id, body.k, body.items.length], ['given', 'a/b ü', 3, 3]);
    assert.equal((await get('/recommend/u')).body.items.length, 10);
    for (const k of ['0', '101', '-1', '2.5', 'many', '']) {
      const refused = await get(`/recommend/u?k=${k}`);
      assert.deepEqual([refused.status, refused.body.code], [400, 'MR_RECOMMEND_K'], k);
    }
    // An answer that nobody reads would be logged as one that was shown.
    const head = await fetch(`${url}/recommend/u`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('allow')], [405, 'GET']);
    assert.equal((await get('/recommend/u?k=4&device=tv&country=DE&language=de')).body.items.length, 4);
    for (const context of ['device=fridge', 'device=']) {
      const refused = await get(`/recommend/u?${context}`);
      assert.deepEqual([refused.status, refused.body.code], [400, 'MR_RECOMMEND_CONTEXT'], context);
    }
    for (const query of ['k=1&k=2', 'country=DE&country=FR', 'devcie=tv']) {
      const refused = await get(`/recommend/u?${query}`);
      assert.deepEqual([refused.status, refused.body.code], [400, 'MR_HTTP_QUERY'], query);
    }
    for (const user of ['x'.repeat(129), 'a%1Fb', 'a%7Fb']) {
      assert.equal((await get(`/recommend/${user}`)).body.code, 'MR_PRIVACY_USER');
    }
    await assert.rejects(responder.recommend(''), InputError);

    await world.promote(await world.train(16, 1));
    await eventually(() => responder.version !== undefined);
    const begun = asked + 20;
    const inFlight = Array.from({ length: 20 }, (_, i) => get(`/recommend/user-${i}`));
    await eventually(() => asked === begun);
    await server.close();
    await responder.close();
    const answers = await Promise.all(inFlight);
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([200]));
    const logged = (await world.loggedAnswers()).filter(({ user_id }) => user_id.startsWith('user-'));
    assert.equal(logged.length, answers.length);
  });
});
