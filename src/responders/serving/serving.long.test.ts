import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { crossKey, userItemFeaturesView } from '#features';
import { createHttpServer } from '#platform';
import { eventually } from '#platform/testing';
import { writePrivacyStatus } from '#privacy';
import type { ResponderOptions } from '../responder.ts';
import { externalRanker } from '../testing/external-ranker.ts';
import { stuckRows } from '../testing/stuck-rows.ts';
import { item, itemIds } from '../testing/tiny-model.ts';
import { interaction, openWorld } from '../testing/world.ts';

const USER = 'user-1';
const [SEEN = ''] = itemIds;
/** Longer than any test: what ends it is what the test is about. */
const KEPT = { cacheMs: 3_600_000 };

/** A user who has seen an item, a version that knows both, and answers that are repeated for ever. */
async function served(t: TestContext, recommending: ResponderOptions['recommending'] = KEPT) {
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id) => item(id)));
  await world.putUserRow(USER, [interaction(USER, SEEN)]);
  await world.promote(await world.train(16, 1));
  const responder = await world.responder({ recommending: { ...world.recommending, ...recommending } });
  const ask = async (options: { k?: number } = {}) => responder.recommend(USER, options);
  const origins = async () => {
    const counter = world.metrics.counter('recommend_answers_total', '', ['origin']);
    const { values } = await counter.get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels.origin, value]));
  };
  return { world, responder, ask, origins };
}

async function listening(t: TestContext, { world, responder }: Awaited<ReturnType<typeof served>>) {
  const server = await createHttpServer(world);
  t.after(() => server.close());
  responder.registerRoutes(server);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const send = async (path: string, headers: Record<string, string> = {}, body?: unknown) => {
    const posted = body !== undefined && {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    };
    const response = await fetch(url + path, posted || { headers });
    // biome-ignore lint/suspicious/noExplicitAny: what is compared is what came over the wire
    return { status: response.status, headers: response.headers, body: (await response.json()) as any };
  };
  return { url, send };
}

const ids = ({ items }: { readonly items: readonly { readonly item_id: string }[] }) =>
  items.map(({ item_id }) => item_id);

describe('answers that are repeated', { timeout: 120_000 }, () => {
  it('have ids of their own, and are logged as repeated', async (t) => {
    const { world, responder, ask, origins } = await served(t);
    const asked = [ask(), ask()];
    const answers = [...(await Promise.all(asked)), await ask(), await ask({ k: 5 })];
    assert.equal(new Set(answers.map(({ request_id }) => request_id)).size, 4);
    assert.deepEqual(ids(answers[1] as never), ids(answers[0] as never));
    assert.deepEqual(ids(answers[2] as never), ids(answers[0] as never));
    assert.deepEqual(await origins(), { made: 2, joined: 1, cached: 1 });
    await responder.close();
    const logged = new Map((await world.loggedAnswers()).map((each) => [each.request_id, each]));
    assert.deepEqual(
      answers.map(({ request_id }) => logged.get(request_id)?.cached),
      [false, true, true, false],
    );
    for (const { request_id, items } of answers) {
      assert.deepEqual(ids(logged.get(request_id) as never), ids({ items }));
    }
  });

  it('end with a row of the user, of the user and an item included', async (t) => {
    const { world, ask, origins } = await served(t);
    const [first = ''] = ids(await ask());
    await world.putUserRow(USER, [interaction(USER, SEEN), interaction(USER, first)]);
    await eventually(async () => !ids(await ask()).includes(first));
    const made = (await origins()).made ?? 0;
    await ask();
    assert.equal((await origins()).made, made);
    await world.putRow(userItemFeaturesView, crossKey(USER, SEEN), [interaction(USER, SEEN)]);
    await eventually(async () => {
      await ask();
      return ((await origins()).made ?? 0) > made;
    });
    // Those of others stay.
    const again = (await origins()).made;
    await world.putUserRow('user-2', [interaction('user-2', SEEN)]);
    await eventually(async () => (await world.responder()).notReady() === undefined);
    await ask();
    assert.equal((await origins()).made, again);
  });

  it('end when an item is no longer available, another version is in force, or the user opts out', async (t) => {
    const { world, responder, ask } = await served(t);
    const [first = ''] = ids(await ask());
    await world.putItems([item(first, { available: false })]);
    await eventually(async () => !ids(await ask()).includes(first));
    const { version } = await ask();
    await world.promote(await world.train(16, 2));
    await eventually(() => responder.version !== version);
    assert.equal((await ask()).version, responder.version);
    await writePrivacyStatus(world.log, world.topics.privacy, { user_id: USER, status: 'opted_out', ts: 1 });
    await eventually(async () => (await ask()).items.every(({ source }) => source === 'popular'));
  });

  it('are none where the option says so', async (t) => {
    const { ask, origins } = await served(t, { cacheMs: 0 });
    for (let i = 0; i < 3; i++) await ask();
    assert.deepEqual(await origins(), { made: 3 });
  });
});

describe('requests beyond what can be answered', { timeout: 120_000 }, () => {
  const few = { concurrency: 1, cacheMs: 0 };

  it('are refused with a time to wait, and the server answers again afterwards', async (t) => {
    const opened = await served(t);
    const { world } = opened;
    // Each answer waits for rows for a good third of its time, and one is made at a time: two or three are in time.
    const recommending = { ...few, deadlineMs: 3_000 };
    const responder = await world.responder({ views: await stuckRows(world), recommending });
    const { url, send } = await listening(t, { ...opened, responder });
    const statuses = new Map<number, number>();
    const users = Array.from({ length: 100 }, (_, i) => `somebody-${i}`);
    await Promise.all(
      users.map(async (user) => {
        const { status, headers, body } = await send(`/recommend/${user}?k=20`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 200) return;
        assert.deepEqual(
          [status, headers.get('retry-after'), body.code],
          [503, '1', 'MR_RECOMMEND_OVERLOADED'],
        );
      }),
    );
    assert.ok((statuses.get(200) ?? 0) > 0 && (statuses.get(503) ?? 0) > 0, JSON.stringify([...statuses]));
    assert.equal((await fetch(`${url}/health/live`)).status, 200);
    assert.equal((await send('/recommend/u')).status, 200);
    assert.match(await opened.world.metrics.render(), /recommend_shed_total\{reason="\w+"\} [1-9]/);
  });

  it('are counted by their answers: a batch is refused as a whole', async (t) => {
    const opened = await served(t, { ...few, deadlineMs: 60_000 });
    const { send } = await listening(t, opened);
    const requests = Array.from({ length: 100 }, (_, i) => ({ user_id: `u${i}`, k: 3 }));
    const { status, body } = await send('/recommend', {}, { requests });
    assert.equal(status, 200);
    const users = body.answers.map(({ answer }: { answer: { user_id: string } }) => answer.user_id);
    assert.deepEqual(
      users,
      requests.map(({ user_id }) => user_id),
    );
    const batch = users.map((userId: string) => ({ recipient: { userId }, k: 4 }));
    const [first, second] = await Promise.allSettled([
      opened.responder.recommendMany(batch),
      opened.responder.recommendMany(batch, { deadlineMs: 1 }),
    ]);
    assert.ok(first.status === 'fulfilled' && first.value.every((each) => 'answer' in each));
    assert.ok(second.status === 'rejected' && second.reason.code === 'MR_RECOMMEND_OVERLOADED');
    // Alone it is taken, and those whose time is up before their turn are refused by themselves.
    const hurried = await opened.responder.recommendMany(batch, { deadlineMs: 0.01 });
    const errors = hurried.flatMap((each) =>
      'error' in each ? [`${each.error.status} ${each.error.code}`] : [],
    );
    assert.deepEqual(new Set(errors), new Set(['503 MR_RECOMMEND_OVERLOADED']));
  });

  it('may bring a time of their own, if it is one', async (t) => {
    const { send } = await listening(t, await served(t));
    assert.equal((await send('/recommend/u', { 'x-deadline-ms': '5000' })).status, 200);
    for (const text of ['0', '-1', '1.5', 'soon', '1e3', '']) {
      const { status, body } = await send('/recommend/u', { 'x-deadline-ms': text });
      assert.deepEqual([status, body.code], [400, 'MR_RECOMMEND_TIME'], text);
    }
  });
});

it('closes with answers in flight: their versions end after the last of them', {
  timeout: 120_000,
}, async (t) => {
  const { world, responder, ask } = await served(t, { cacheMs: 0 });
  await world.promote(await externalRanker(world));
  await eventually(() => responder.ranker !== undefined);
  const { ranker, version } = responder;
  const asked = Array.from({ length: 40 }, (_, i) => ask({ k: i + 1 }));
  await responder.close();
  for (const answer of await Promise.all(asked)) {
    assert.deepEqual([answer.version, answer.ranker, answer.degraded], [version, ranker, null]);
  }
  await assert.rejects(ask(), { code: 'MR_RESPONDER_CLOSED' });
});
