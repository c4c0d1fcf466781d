import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { currentRecords } from '#engine';
import { createHttpServer, systemClock } from '#platform';
import { accessBy, temporaryDirectory } from '#platform/testing';
import { registryOf } from '#processors';
import type { Version, VersionStatus } from '#schemas';
import { registerVersionRoutes } from './admin-routes.ts';
import { askRegistry, versionNamed } from './ask-registry.ts';
import { collect, collectable, givenUp } from './collect.ts';
import { publishCandidate, storeExternalModel } from './publish.ts';
import { openRegistryWorld, type RegistryWorld } from './testing/registry-world.ts';

const fixtures = join(import.meta.dirname, '../../models/external/testing/fixtures');
const DAY_MS = 86_400_000;

function step(version: string, status: VersionStatus, ts = 0): Version {
  const candidate = { version, role: 'retrieval' } as Version['candidate'];
  return {
    version,
    status,
    ts,
    command_id: 'c',
    reason: null,
    candidate,
    actor: null,
    previous: null,
    gates: [],
  };
}

describe('the registry as its topic tells it', () => {
  it('finds versions by the beginning of their name, where it is one only', () => {
    const registry = registryOf(['0123aa', '0123ab', '4567aa'].map((version) => step(version, 'promoted')));
    assert.equal(versionNamed(registry, '4567').version, '4567aa');
    assert.equal(versionNamed(registry, '0123ab').version, '0123ab');
    const refused = (name: string, message: RegExp) =>
      assert.throws(() => versionNamed(registry, name), { code: 'MR_VERSION_UNKNOWN', message });
    refused('0123a', /may be 0123aa, 0123ab/);
    refused('456', /no version 456/);
    refused('89ab', /no version 89ab/);
  });

  it('gives up what is neither used, nor waiting, nor new', () => {
    const now = 100 * DAY_MS;
    const old = (version: string, ...statuses: VersionStatus[]) => {
      return ['registered' as const, ...statuses].map((status) => step(version, status));
    };
    const steps = [
      ...['a', 'b', 'c'].flatMap((version) => old(version, 'promoted')),
      ...old('stale', 'staged'),
      ...old('waits', 'staged'),
      ...old('gone', 'archived'),
      ...old('bad', 'rejected'),
      ...old('last', 'rejected'),
      step('young', 'registered', now - DAY_MS),
      step('young', 'rejected', now - DAY_MS),
    ];
    const names = (keep: number, keepDays: number) =>
      givenUp(registryOf(steps), { keep, keepDays }, { now, needed: [] }).map(({ version }) => version);
    assert.deepEqual(names(1, 7), ['a', 'stale', 'gone', 'bad', 'last']);
    assert.deepEqual(names(2, 0.5), ['a', 'gone', 'bad']);
    assert.deepEqual(names(3, 0.5), ['gone'], 'of each status by itself');
    assert.deepEqual(names(1, 1_000), ['gone']);
    const needed = givenUp(registryOf(steps), { keep: 1, keepDays: 7 }, { now, needed: ['a', 'bad'] });
    assert.deepEqual(
      needed.map(({ version }) => version),
      ['stale', 'gone', 'last'],
    );
  });
});

describe('the registry at work', { timeout: 120_000 }, () => {
  it('answers, refuses with code and reason, and says when nobody is there to decide', async (t) => {
    const world = await openRegistryWorld(t);
    const [a, b] = [await world.promoted(), await world.promoted()];
    const ask = (kind: 'promote' | 'rollback', version: string | null) =>
      askRegistry(world.asking, { kind, version, actor: 'ada' });
    assert.deepEqual(await inForce(world), b.version);
    const back = await ask('rollback', b.version);
    assert.deepEqual([back.version, back.status], [a.version, 'promoted']);
    assert.deepEqual(await inForce(world), a.version);
    await assert.rejects(ask('rollback', b.version), {
      code: 'MR_VERSION_NOT_IN_FORCE',
      remedy: 'fix-input',
    });
    await assert.rejects(ask('promote', 'nobody'), {
      code: 'MR_VERSION_UNKNOWN',
      message: /no version nobody/,
    });
    const [one, other] = await Promise.allSettled([ask('promote', b.version), ask('promote', b.version)]);
    assert.deepEqual([one?.status, other?.status].sort(), ['fulfilled', 'rejected'], 'one of two that race');
    assert.deepEqual((await world.registry()).promotions.retrieval, [a.version, b.version]);

    const alone = await openRegistryWorld(t, { isProcessed: false });
    await assert.rejects(
      askRegistry({ ...alone.asking, patienceMs: 0 }, { kind: 'rollback', version: null, actor: null }),
      { code: 'MR_VERSION_NO_ANSWER', remedy: 'retry' },
    );
  });

  it('takes models from outside: stored, staged, promoted as rankers; lies change nothing', async (t) => {
    const world = await openRegistryWorld(t);
    const production = await world.promoted();
    const options = { dataDirectory: world.dataDirectory, modules: [] };
    const before = [await world.registry(), await world.artifacts.list()];
    const lying = (name: string, change: (manifest: Record<string, unknown>) => object) => {
      const directory = join(temporaryDirectory(t), name);
      cpSync(join(fixtures, name), directory, { recursive: true });
      const path = join(directory, 'model.json');
      const manifest = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
      writeFileSync(path, JSON.stringify({ ...manifest, ...change(manifest) }));
      return directory;
    };
    const input = { name: 'features', type: 'float32', missing: 0 };
    const features = (first: string) => [first, ...Array.from({ length: 4 }, () => 'item-features.ctr')];
    const reading = (first: string) =>
      lying('sklearn-logistic', () => ({ inputs: [{ ...input, features: features(first) }] }));
    const refused: readonly (readonly [directory: string, code: string, message: RegExp])[] = [
      [join(fixtures, 'unknown-operator'), 'MR_MODEL_GRAPH', /com\.example|Wobble/],
      [join(fixtures, 'one-score-in-all'), 'MR_MODEL_SIGNATURE', /score/],
      [lying('pytorch-towers', () => ({ sha256: 'f'.repeat(64) })), 'MR_MODEL_HASH', /SHA-256/],
      [
        lying('pytorch-towers', () => ({ inputs: [{ ...input, features: features('item-features.ctr') }] })),
        'MR_MODEL_SIGNATURE',
        /item|user/,
      ],
      [
        lying('pytorch-towers', () => ({ output: { name: 'rank', type: 'float32', shape: ['rows'] } })),
        'MR_MODEL_SIGNATURE',
        /rank/,
      ],
      [reading('user-features.charm'), 'MR_MODEL_FEATURE', /no feature charm/],
      [reading('horoscopes.sign'), 'MR_MODEL_FEATURE', /no view horoscopes/],
      [
        lying('sklearn-logistic', () => ({ views: { 'user-features': 1, 'item-features': 2 } })),
        'MR_MODEL_FEATURE',
        /trained with version 1/,
      ],
    ];
    for (const [directory, code, message] of refused) {
      await assert.rejects(storeExternalModel(directory, options), { code, message, remedy: 'fix-input' });
    }
    assert.deepEqual([await world.registry(), await world.artifacts.list()], before);

    const { candidate, name } = await storeExternalModel(join(fixtures, 'pytorch-towers'), options);
    assert.equal(name, 'pytorch-towers');
    const staged = await publishCandidate(world.asking, candidate, 'ada');
    assert.deepEqual([staged.status, staged.version], ['staged', candidate.version]);
    await askRegistry(world.asking, { kind: 'promote', version: candidate.version, actor: 'ada' });
    const { promotions } = await world.registry();
    const inForce = { retrieval: [production.version], ranking: [candidate.version], similar: [] };
    assert.deepEqual(promotions, inForce);
    const again = await storeExternalModel(join(fixtures, 'pytorch-towers'), options);
    assert.equal(again.candidate.version, candidate.version, 'the same directory, the same version');

    // What its own metrics say is held against the gates.
    const good = await storeExternalModel(join(fixtures, 'sklearn-logistic'), options);
    const judged = await publishCandidate(world.asking, good.candidate, 'ada');
    assert.equal(judged.status, 'staged');
    assert.match(judged.reason ?? '', /as its makers give them/);
    const poor = await storeExternalModel(
      lying('sklearn-logistic', () => ({ metrics: { auc: 0.5 } })),
      options,
    );
    const rejected = await publishCandidate(world.asking, poor.candidate, 'ada');
    assert.deepEqual([rejected.status], ['rejected']);
    assert.match(rejected.reason ?? '', /gate minimum: auc is 0.5000, and at least 0.6000/);
    await askRegistry(world.asking, { kind: 'archive', candidate: poor.candidate, actor: 'ada' });
    await assert.rejects(publishCandidate(world.asking, poor.candidate, 'ada'), {
      code: 'MR_VERSION_NOT_PROMOTABLE',
    });
  });

  it('collects by rule: archived, with their files; what is in use stays', async (t) => {
    const world = await openRegistryWorld(t);
    const versions = [];
    for (let i = 0; i < 4; i++) versions.push((await world.promoted()).version);
    const later = { ...systemClock, now: () => systemClock.now() + DAY_MS };
    const find = (keepDays: number) => collectable({ keep: 1, keepDays }, { ...world, clock: later });
    const found = await find(0);
    assert.deepEqual(
      found.map(({ version, latest, bytes }) => [version, latest?.status, bytes > 1_000]),
      versions.slice(0, 2).map((version) => [version, 'promoted', true]),
    );
    // The second comes into use between the looking and the doing.
    await askRegistry(world.asking, { kind: 'promote', version: versions[1] as string, actor: 'ada' });
    const options = { ...world.asking, actor: 'ada', dataDirectory: world.dataDirectory };
    const [first, second] = found;
    assert.ok(first !== undefined && second !== undefined);
    await collect(first, options);
    await assert.rejects(collect(second, options), { code: 'MR_VERSION_IN_FORCE' });
    assert.deepEqual(await world.artifacts.list(), versions.slice(1).sort());
    assert.deepEqual(await find(1_000), []);
    // Files that came back are collected whatever the rule keeps.
    cpSync(
      join(world.dataDirectory, 'versions', versions[1] as string),
      join(world.dataDirectory, 'versions', versions[0] as string),
      { recursive: true },
    );
    const left = await find(1_000);
    assert.deepEqual(
      left.map(({ latest }) => latest?.status),
      ['archived'],
    );
    await collect(left[0] as (typeof left)[number], options);
    assert.ok(!existsSync(join(world.dataDirectory, 'versions', versions[0] as string)));
  });

  it('is asked over HTTP by who has the right', async (t) => {
    const world = await openRegistryWorld(t);
    const [a, b] = [await world.promoted(), await world.promoted()];
    const token = 'a token of enough length';
    const post = await served(t, world, token);
    const back = await post('/admin/rollback', token, { actor: 'grace', reason: 'complaints' });
    assert.deepEqual(
      [back.status, back.body],
      [200, { command: 'rollback', version: a.version, status: 'promoted' }],
    );
    const { steps = [] } = (await world.registry()).versions.at(-1) ?? {};
    assert.deepEqual(
      [steps.at(-1)?.status, steps.at(-1)?.actor, steps.at(-1)?.reason],
      ['rolled_back', 'grace', 'complaints'],
    );
    const path = `/admin/versions/${b.version}/promote`;
    assert.equal((await post(path, token)).status, 200);
    const code = async (given: ReturnType<typeof post>) => {
      const { status, body } = await given;
      assert.ok(body.message !== undefined && body.hint !== undefined);
      return [status, body.code];
    };
    assert.deepEqual(await code(post(path, token)), [409, 'MR_VERSION_IN_FORCE']);
    assert.deepEqual(await code(post('/admin/versions/none/promote', token)), [409, 'MR_VERSION_UNKNOWN']);
    assert.deepEqual(await code(post('/admin/rollback', token, { version: a.version })), [
      409,
      'MR_VERSION_NOT_IN_FORCE',
    ]);
    assert.deepEqual(await code(post(path, undefined)), [401, 'MR_ACCESS_TOKEN_MISSING']);
    assert.deepEqual(await code(post(path, `${token}.`)), [401, 'MR_ACCESS_TOKEN_MISSING']);
    assert.deepEqual(await code(post(path, token, { actor: 7 })), [400, 'MR_ADMIN_REQUEST']);
    assert.deepEqual(await inForce(world), b.version);
  });

  it('sends the trainer what the administration asks for, and waits for nothing', async (t) => {
    const world = await openRegistryWorld(t);
    const token = 'a token of enough length';
    const post = await served(t, world, token);
    const body = { models: ['two-tower'], seed: 7, force: true, actor: 'ann', reason: 'new catalogue' };
    const train = await post('/admin/train', token, body);
    const reindex = await post('/admin/reindex', token);
    assert.deepEqual([train.status, reindex.status], [202, 202]);
    const commands = await currentRecords(world.asking.log, world.asking.topics.commands, 'by-newest');
    const sent = ({ body: { command_id } }: Awaited<ReturnType<typeof post>>) =>
      commands.get(String(command_id))?.value;
    const { kind, seed, force, actor, reason, run } = sent(train) ?? {};
    assert.deepEqual({ kind, seed, force, actor, reason, models: run?.models }, { kind: 'train', ...body });
    const { kind: second, actor: by, reason: why } = sent(reindex) ?? {};
    assert.deepEqual([second, by, why], ['reindex', 'operator', null]);

    for (const wrong of [{ models: 'two-tower' }, { seed: -1 }, { seeed: 1 }, { force: 'yes' }, []]) {
      const refused = await post('/admin/train', token, wrong);
      assert.deepEqual([refused.status, refused.body.code], [400, 'MR_ADMIN_REQUEST'], JSON.stringify(wrong));
    }
    assert.equal((await post('/admin/train', undefined)).status, 401);
    assert.equal((await post('/admin/reindex', 'wrong')).status, 401);
  });
});

async function inForce(world: RegistryWorld): Promise<string | undefined> {
  return (await world.registry()).promotions.retrieval.at(-1);
}

/** Posts to a server that has the routes of administration. */
async function served(t: TestContext, world: RegistryWorld, token: string) {
  const server = await createHttpServer({ ...world, access: accessBy(token) });
  t.after(() => server.close());
  const quality = { report: async () => ({ from: null, to: null, answers: [], inputs: [] }) };
  registerVersionRoutes(server, { ...world.asking, quality, comparisons: () => [] });
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  return async (path: string, given: string | undefined, body?: object) => {
    const headers = {
      ...(given !== undefined && { authorization: `Bearer ${given}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const response = await fetch(url + path, {
      method: 'POST',
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
}
