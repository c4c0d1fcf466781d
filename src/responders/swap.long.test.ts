import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { createHttpServer, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import type { Candidate } from '#schemas';
import type { Recommendation } from './recommendation.ts';
import type { Responder } from './responder.ts';
import { Rescorer } from './testing/rescore.ts';
import { inThread, item, itemIds, userIds } from './testing/tiny-model.ts';
import { interaction, openWorld, type TestWorld } from './testing/world.ts';

const SWAPS = 20;
const historyOf = (user: string) => [itemIds[Number(user.slice(5)) * 3] as string];

async function worldWithUsers(world: TestWorld): Promise<void> {
  await world.putItems(itemIds.map((id) => item(id)));
  for (const user of userIds)
    await world.putUserRow(
      user,
      historyOf(user).map((id) => interaction(user, id)),
    );
}

/** Asks for one user after another until told to stop, with a breath between: the swaps are to have the processor, too. */
async function load(
  ask: (user: string) => Promise<Recommendation>,
  stop: AbortSignal,
): Promise<Recommendation[]> {
  const answers: Recommendation[] = [];
  for (let i = 0; !stop.aborted; i++) {
    answers.push(await ask(userIds[i % userIds.length] as string));
    await systemClock.sleep(2);
  }
  return answers;
}

describe('versions', () => {
  it(`swaps ${SWAPS} times under load: nothing fails, scores are those of the version named`, async (t) => {
    const world = await openWorld(t);
    await worldWithUsers(world);
    const candidates: Candidate[] = [];
    for (const dimension of [16, 32, 64]) {
      for (const seed of [1, 2]) candidates.push(await world.train(dimension, seed));
    }
    const order = [0, 2, 4, 1, 3, 5].map((i) => candidates[i] as Candidate);
    await world.promote(order[0] as Candidate);
    const responder: Responder = await world.responder();
    const server = await createHttpServer(world);
    t.after(() => server.close());
    responder.registerRoutes(server);
    const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
    const overHttp = async (user: string) => {
      const response = await fetch(`${url}/recommend/${user}?k=10`);
      assert.equal(response.status, 200);
      return (await response.json()) as Recommendation;
    };
    const direct = (user: string) => responder.recommend(user, { k: 10 });

    const stop = new AbortController();
    const loads = [direct, direct, direct, overHttp, overHttp].map((ask) => load(ask, stop.signal));
    for (let swap = 1; swap <= SWAPS; swap++) {
      const next = order[swap % order.length] as Candidate;
      await world.promote(next);
      await eventually(() => responder.version === next.version);
    }
    stop.abort();
    const answers = (await Promise.all(loads)).flat();
    assert.ok(answers.length > SWAPS);
    assert.deepEqual(
      new Set(answers.map(({ version }) => version)),
      new Set(order.map(({ version }) => version)),
    );
    const rescorer = new Rescorer(world.dataDirectory, historyOf);
    const checked = new Set<string>();
    for (const answer of answers) {
      // Equal answers need checking once.
      const { items, version, user_id } = answer;
      const content = JSON.stringify({ items, version, user_id });
      if (checked.has(content)) continue;
      checked.add(content);
      await rescorer.check(answer, new Set(historyOf(user_id)));
    }
    const metrics = await world.metrics.render();
    assert.match(metrics, new RegExp(`version_loads_total\\{outcome="loaded"\\} ${SWAPS + 1}\n`));
    assert.doesNotMatch(metrics, /recommend_degraded_total\{/);
  });

  it('refuses a version with a wrong hash or without its files, and goes on with the old one', async (t) => {
    const world = await openWorld(t);
    await worldWithUsers(world);
    const [old, damaged, absent, next] = [
      await world.train(16, 1),
      await world.train(32, 2),
      await world.train(16, 3),
      await world.train(16, 4),
    ];
    await world.promote(old);
    const responder = await world.responder();
    assert.equal(responder.version, old.version);

    appendFileSync(join(world.dataDirectory, damaged.directory, 'items.index'), 'x');
    await world.promote(damaged);
    const refused = (code: string) => async () =>
      (await world.metrics.render()).includes(`version_loads_total{outcome="${code}"} 1`);
    await eventually(refused('MR_VERSION_CORRUPT'));
    await world.promote({ ...absent, directory: 'versions/0123456789abcdef' });
    await eventually(refused('MR_VERSION_MISSING'));
    assert.equal(responder.version, old.version);
    assert.equal((await responder.recommend('user-1')).version, old.version);
    assert.equal(responder.notReady(), undefined);

    await world.promote(next);
    await eventually(() => responder.version === next.version);
  });

  it('starts with the newest version that can be loaded, and returns from one that is rolled back', async (t) => {
    const world = await openWorld(t);
    await worldWithUsers(world);
    const [first, second, damaged] = [
      await world.train(16, 1),
      await world.train(32, 2),
      await world.train(16, 3),
    ];
    appendFileSync(join(world.dataDirectory, damaged.directory, 'manifest.json'), ' ');
    for (const candidate of [first, second, damaged]) await world.promote(candidate);
    const responder = await world.responder();
    assert.equal(responder.version, second.version);
    // As the registry tells it: the one that goes, then the one that it returns to.
    await world.promote(damaged, 'rolled_back');
    await world.promote(second);
    await world.promote(second, 'rolled_back');
    await world.promote(first);
    await eventually(() => responder.version === first.version);
    await new Rescorer(world.dataDirectory, historyOf).check(
      await responder.recommend('user-2'),
      new Set(historyOf('user-2')),
    );
    // Nothing is left that may be used.
    await world.promote(first, 'archived');
    await eventually(() => responder.version === undefined);
    const { version, items } = await responder.recommend('user-2');
    assert.equal(version, null);
    assert.ok(items.length > 0 && items.every(({ source }) => source === 'popular'));
  });

  it('loads a version again whose thread has ended, and is not ready until then', async (t) => {
    const world = await openWorld(t);
    await worldWithUsers(world);
    await world.promote(await world.train(16, 1, [], inThread));
    const errors: unknown[] = [];
    const logger = { ...world.logger, error: (fields: unknown) => void errors.push(fields) };
    const threads: Worker[] = [];
    const note = (thread: Worker) => void threads.push(thread);
    process.on('worker', note);
    t.after(() => process.off('worker', note));
    const responder = await world.responder({ logger });
    const { version } = responder;
    // The one that has loaded the version is gone; the one that computes vectors stays.
    assert.equal(threads.length, 2);
    await threads[1]?.terminate();
    await eventually(() => responder.notReady()?.includes('MR_INFERENCE_ENDED') === true);
    const { items } = await responder.recommend('user-1');
    assert.ok(items.length > 0 && items.every(({ source }) => source === 'popular'));
    await eventually(() => responder.notReady() === undefined);
    assert.equal(responder.version, version);
    assert.equal((await responder.recommend('user-1')).items[0]?.source, 'index');
    assert.equal(errors.length, 1);
  });

  it('goes back twice in a row: the second time to a version that nobody had time to load', async (t) => {
    const world = await openWorld(t);
    await worldWithUsers(world);
    const [first, second, third] = [
      await world.train(16, 1),
      await world.train(32, 2),
      await world.train(16, 3),
    ];
    for (const candidate of [first, second, third]) await world.promote(candidate);
    const responder = await world.responder();
    assert.equal(responder.version, third.version);
    // As the registry tells it: the one that goes, then the one that it returns to.
    await world.promote(third, 'rolled_back');
    await world.promote(second);
    await world.promote(second, 'rolled_back');
    await world.promote(first);
    await eventually(() => responder.version === first.version);
    const answer = await responder.recommend('user-2');
    assert.equal(answer.version, first.version);
    await new Rescorer(world.dataDirectory, historyOf).check(answer, new Set(historyOf('user-2')));
  });
});
