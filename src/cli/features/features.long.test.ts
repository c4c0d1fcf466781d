import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

const fixtures = join(import.meta.dirname, '../../view-builds/fixtures');

type Listed = {
  readonly name: string;
  readonly version: number;
  readonly status: string;
  readonly rows: number;
  readonly digest: string;
};
type Step = {
  readonly view: string;
  readonly event: { readonly ts: number; readonly user_id: string };
  readonly changed: Readonly<Record<string, { readonly before: unknown; readonly after: unknown }>>;
};

it('commands over views, and over tasks and runs, tell of what a start has made', {
  timeout: 600_000,
}, async (t) => {
  const configuration = { ...smallWorld, features: { modules: [join(fixtures, 'user-trends.ts')] } };
  const { directory, begin, run, runEach, print } = commandLine(t, configuration);
  const started = begin(['start', '--json']);
  const { url } = JSON.parse((await started.until(/^\{"url".*\}$/m))[0]) as { url: string };
  const response = await fetch(`${url}/tasks`, { headers: { connection: 'close' } });
  const { members } = (await response.json()) as { members: { tasks: { task: string }[] }[] };
  assert.ok(members.flatMap(({ tasks }) => tasks).length > 0, JSON.stringify(members));
  const declared = async () => {
    for (;;) {
      const [listed] = await runEach([['features', '--json']]);
      const views = jsonLines<Listed>(listed?.out ?? '');
      if (views.find(({ name }) => name === 'user-trends')?.status === 'live') return views;
    }
  };
  const live = await declared();
  assert.deepEqual(
    live.map(({ name, version }) => `${name}-${version}`),
    [
      'user-features-2',
      'item-features-2',
      'user-category-features-1',
      'user-item-features-1',
      'user-profile-1',
      'item-profile-1',
      'user-trends-1',
    ],
  );
  for (const { name, rows, digest } of live) {
    assert.ok(rows > 0, name);
    assert.match(digest, /^[0-9a-f]{32}$/, name);
  }
  assert.equal((await started.signal('SIGTERM')).code, 0);

  const [table, item, profile, trends, unknown, history, crossed, wrong, runs] = await runEach([
    ['features'],
    ['features', 'show', 'item-features', '--json'],
    ['features', 'show', 'user-profile'],
    ['features', 'show', 'user-trends', '--json'],
    ['features', 'show', 'nothing', '--json'],
    ['features', 'history', 'user', 'u1', '-n', '3', '--view', 'user-features', '--json'],
    ['features', 'history', 'user-item', 'u1', '--json'],
    ['features', 'history', 'planet', 'mars', '--json'],
    ['runs', '--json'],
  ]);
  assert.match(table?.out ?? '', /^item-features +2 +item +recommendations +live/m);
  const [shown] = jsonLines<{ lineage: object; models: string[]; features: { name: string }[] }>(
    item?.out ?? '',
  );
  assert.deepEqual(shown?.lineage, {
    topics: ['interactions', 'interactions-accepted', 'items', 'privacy', 'users'],
    processors: ['admission', 'user-views', 'with-profile', 'item-views'],
    store: 'item-views/item-features',
  });
  assert.equal(shown?.models.length, 1, 'the version that the start has trained');
  assert.ok(shown?.features.some(({ name }) => name === 'popularity'));
  assert.match(profile?.out ?? '', /^Topics: +users$/m);
  const [own] = jsonLines<{ lineage: object; models: string[] }>(trends?.out ?? '');
  assert.deepEqual(own, { ...own, models: [] });
  assert.deepEqual(own?.lineage, {
    topics: ['interactions-accepted'],
    processors: ['user-trends'],
    store: 'user-trends/rows of view-user-trends-1',
  });
  assert.equal(unknown?.code, 2);
  const steps = jsonLines<Step>(history?.out ?? '');
  assert.deepEqual(
    steps.map(({ view, event }) => [view, event.user_id]),
    Array.from({ length: 3 }, () => ['user-features', 'u1']),
  );
  for (const { changed } of steps) {
    const { before, after } = changed.events as { before: number; after: number };
    assert.equal(after, before + 1);
  }
  for (const refused of [crossed, wrong]) assert.equal(refused?.code, 2);

  const [trained] = jsonLines<{ run_id: string }>(runs?.out ?? '');
  const over = await print(['runs', 'cancel', trained?.run_id ?? '', '--json']);
  assert.deepEqual([over.code, /MR_RUN_OVER/.test(over.err)], [2, true], over.err);
  const drop = ['features', 'drop', 'user-trends', '1', '--json'];
  const inUse = await run(drop);
  assert.deepEqual([inUse.code, /MR_FEATURES_IN_USE/.test(inUse.err)], [2, true], inUse.err);
  writeFileSync(join(directory, 'millrace.config.json'), JSON.stringify(smallWorld));
  const dropped = await run(drop);
  assert.deepEqual([dropped.code, jsonLines<Listed>(dropped.out)[0]?.status], [0, 'dropped'], dropped.err);
  const twice = await run(drop);
  assert.deepEqual([twice.code, /MR_FEATURES_UNKNOWN_VIEW/.test(twice.err)], [2, true], twice.err);
});
