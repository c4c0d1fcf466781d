import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { TopicReader, TopicWriter } from '#engine';
import { type AnyView, asOfRows, featureViews } from '#features';
import { type EmbeddedLog, openEmbeddedLog } from '#log';
import { archiveNow } from '#offline';
import { createLogger, createMetrics, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { viewsOfModules } from '#processing';
import type { Interaction } from '#schemas';
import { loadConfiguration } from '#service/configuration';
import { openTopics, openViewTopic } from '#topologies';
import { entityHistory } from './entity-history.ts';
import { first } from './fixtures/user-kinds.ts';
import { second } from './fixtures/user-kinds-2.ts';
import { buildProgress, declareViews, dropVersion, readViewVersions, takeOver } from './registry.ts';
import { startViewBuild, type ViewBuild } from './view-builds.ts';
import { viewStatistics } from './view-statistics.ts';

const start = Date.now() - 3_600_000;
const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);
const modules = [fixture('user-kinds.ts'), fixture('user-kinds-2.ts')];

function event(n: number): Interaction {
  const context = { device: null, country: null, language: null };
  const ids = {
    event_id: `e${n}`,
    user_id: `u${n % 7}`,
    item_id: `i${n % 11}`,
    session_id: null,
    request_id: null,
  };
  const kind = (['view', 'click', 'like'] as const)[n % 3] ?? 'view';
  return {
    ...ids,
    kind,
    value: null,
    watch_ms: n,
    context,
    ts: start + n * 1000,
    original_ts: null,
    item: null,
  };
}

async function install(t: TestContext) {
  const directory = temporaryDirectory(t);
  const configuration = loadConfiguration({
    flags: {
      data: directory,
      'logging.level': 'silent',
      'engine.commitIntervalMs': 20,
      'features.modules': JSON.stringify(modules),
    },
    environment: {},
    directory,
  });
  const embedded = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  t.after(() => embedded.close());
  const { log, assigned } = noting(embedded);
  const topics = await openTopics(log, log.registry);
  const environment = { log, topics, clock: systemClock };
  const logger = createLogger({ level: 'silent', name: 'test' });
  const builds: ViewBuild[] = [];
  return {
    ...environment,
    directory,
    /** Topics that this thread has read. */
    assigned,
    builds,
    write: async (from: number, to: number) => {
      const writer = await TopicWriter.open(log, topics['interactions-accepted']);
      const events = Array.from({ length: to - from }, (_, n) => event(from + n));
      await writer.write(events.map((value) => ({ key: value.user_id, value, timestamp: value.ts })));
      await writer.announce(start + to * 1000);
      await writer.close();
    },
    build: async (view: AnyView) => {
      const stateDirectory = join(directory, 'state');
      const options = {
        ...environment,
        dataDirectory: directory,
        logger,
        embedded,
        registry: embedded.registry,
        stateDirectory,
        instanceId: 'main',
        configuration,
      };
      const build = await startViewBuild(view, options);
      t.after(() => build.processing.stop());
      builds.push(build);
      return build;
    },
    rows: async (view: AnyView) => {
      const topic = await openViewTopic(log, log.registry, view);
      const reader = await TopicReader.open(log, topic, { from: 'start' });
      const states = asOfRows(view);
      const rows = new Map<string, unknown>();
      for await (const records of reader.untilEnd()) {
        for (const { key, value } of records) {
          if (value !== null) rows.set(key, view.finish(states.live(states.fromViewState(value)), start));
        }
      }
      await reader.close();
      return rows;
    },
  };
}

/** The log, with the topics noted that are read from it. */
function noting(embedded: EmbeddedLog): { log: EmbeddedLog; assigned: Set<string> } {
  const assigned = new Set<string>();
  const consumer: EmbeddedLog['consumer'] = async (...options) => {
    const opened = await embedded.consumer(...options);
    const assign = opened.assign.bind(opened);
    opened.assign = (places) => {
      for (const { topic } of places) assigned.add(topic);
      assign(places);
    };
    return opened;
  };
  const log = new Proxy(embedded, {
    get: (target, name) => {
      const value = name === 'consumer' ? consumer : Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { log, assigned };
}

/** What the view says of events 0 to `count`. */
function expected(view: AnyView, count: number): Map<string, unknown> {
  const states = new Map<string, unknown>();
  for (let n = 0; n < count; n++) {
    const key = view.key(event(n));
    states.set(key, view.add(states.get(key) ?? view.empty(), event(n)));
  }
  return new Map([...states].map(([key, state]) => [key, view.finish(state, start)]));
}

const sorted = (rows: Map<string, unknown>) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1));

describe('building a view beside the live ones', () => {
  it('takes the log from its beginning, goes live, is replaced by the next version, and can be dropped', async (t) => {
    const installation = await install(t);
    await installation.write(0, 600);
    const one = await installation.build(first);
    await one.live;
    assert.deepEqual(sorted(await installation.rows(first)), sorted(expected(first, 600)));
    assert.equal((await readViewVersions(installation)).get('user-kinds-1')?.status, 'live');
    assert.equal(await buildProgress(installation.log, first), 1);

    const two = await installation.build(second);
    await two.live;
    assert.deepEqual(sorted(await installation.rows(second)), sorted(expected(second, 600)));
    const versions = await readViewVersions(installation);
    assert.equal(versions.get('user-kinds-2')?.status, 'live');
    const old = versions.get('user-kinds-1');
    assert.equal(old?.status, 'retired');

    await installation.write(600, 700);
    await Promise.all([one.processing.untilCaughtUp(), two.processing.untilCaughtUp()]);
    assert.deepEqual(sorted(await installation.rows(second)), sorted(expected(second, 700)));
    assert.deepEqual(sorted(await installation.rows(first)), sorted(expected(first, 700)), 'readable still');

    await one.processing.stop();
    await dropVersion(installation, old);
    const names = (await installation.log.describeTopics()).map(({ name }) => name);
    assert.ok(!names.some((name) => name.includes('user-kinds-1')), names.join(' '));
    assert.equal((await readViewVersions(installation)).get('user-kinds-1')?.status, 'dropped');
    assert.deepEqual(sorted(await installation.rows(second)), sorted(expected(second, 700)));

    // Declared again, it is built again: of what it had read nothing is remembered.
    rmSync(join(installation.directory, 'state', 'view-user-kinds-1'), { recursive: true });
    await (await installation.build(first)).live;
    assert.deepEqual(sorted(await installation.rows(first)), sorted(expected(first, 700)));
  });

  it('stays retired, or live, over a restart, and reads nothing of the archive then', async (t) => {
    const installation = await install(t);
    await installation.write(0, 60);
    for (const view of [first, second]) await (await installation.build(view)).live;
    for (const build of installation.builds) await build.processing.stop();
    installation.assigned.clear();
    for (const view of [second, first]) await (await installation.build(view)).live;
    const versions = await readViewVersions(installation);
    assert.equal(versions.get('user-kinds-1')?.status, 'retired');
    assert.equal(versions.get('user-kinds-2')?.status, 'live');
    assert.ok(installation.assigned.has('feature-views'));
    assert.deepEqual(
      [...installation.assigned].filter((name) => name.endsWith('-archived')),
      [],
    );

    for (const build of installation.builds) await build.processing.stop();
    const newer = versions.get('user-kinds-2');
    assert.ok(newer);
    await dropVersion(installation, newer);
    await (await installation.build(first)).live;
    assert.equal((await readViewVersions(installation)).get('user-kinds-1')?.status, 'live', 'again');

    await takeOver(installation, second);
    await takeOver(installation, first);
    const statuses = await readViewVersions(installation);
    assert.equal(
      statuses.get('user-kinds-1')?.status,
      'retired',
      'the newest goes live, whichever is built last',
    );
    assert.equal(statuses.get('user-kinds-2')?.status, 'live');
  });

  it('gives the digest of a rebuild in another order of partitions', async (t) => {
    const [a, b] = [await install(t), await install(t)];
    await a.write(0, 300);
    for (let n = 0; n < 300; n += 50) await b.write(n, n + 50);
    const digests = [];
    for (const installation of [a, b]) {
      await (await installation.build(first)).live;
      const topic = await openViewTopic(installation.log, installation.log.registry, first);
      digests.push(await viewStatistics(installation.log, topic, first));
    }
    const [left, right] = digests;
    assert.equal(left?.rows, 21);
    assert.equal(left?.digest, right?.digest);
  });
});

describe('a view whose first events have left the log', () => {
  const oldMs = 200 * 86_400_000;
  const old = (n: number): Interaction => ({ ...event(n), ts: event(n).ts - (n < 300 ? oldMs : 0) });

  /** 300 events of long ago and 300 of now; `clean` drops the old ones from the log. */
  async function installed(
    t: TestContext,
    { archives, cleans }: { archives: 'in time' | 'too late' | 'never'; cleans: boolean },
  ) {
    const installation = await install(t);
    const { log, topics, directory } = installation;
    const writer = await TopicWriter.open(log, topics['interactions-accepted']);
    for (let n = 0; n < 600; n += 100) {
      const events = Array.from({ length: 100 }, (_, i) => old(n + i));
      await writer.write(events.map((value) => ({ key: value.user_id, value, timestamp: value.ts })));
    }
    await writer.announce(start + 600_000);
    await writer.close();
    const logger = createLogger({ level: 'silent', name: 'test' });
    const retention = { eventsMs: 1e13, featuresMs: 1e13 };
    const archive = {
      log,
      topics,
      dataDirectory: directory,
      clock: systemClock,
      logger,
      metrics: createMetrics(),
    };
    const often = { instanceId: 'test', flushMs: 60_000, flushRecords: 100_000, retention };
    if (archives === 'in time') await archiveNow({ ...archive, ...often });
    if (cleans) {
      await log.clean();
      const [accepted] = await log.describeTopics(['interactions-accepted']);
      assert.ok(accepted?.offsets.some((offsets) => offsets.start > 0));
    }
    if (archives === 'too late') await archiveNow({ ...archive, ...often });
    return installation;
  }

  async function digestOf({ log }: Awaited<ReturnType<typeof install>>): Promise<string> {
    const { digest, rows } = await viewStatistics(log, await openViewTopic(log, log.registry, first), first);
    assert.equal(rows, 21);
    return digest;
  }

  it('takes them from the archive, to the same bytes as from the log', async (t) => {
    const whole = await installed(t, { archives: 'never', cleans: false });
    await (await whole.build(first)).live;
    const shortened = await installed(t, { archives: 'in time', cleans: true });
    await (await shortened.build(first)).live;
    assert.equal(await digestOf(shortened), await digestOf(whole));
    const again = await shortened.build(first);
    await again.live;
    assert.equal(await digestOf(shortened), await digestOf(whole), 'and once');
  });

  it('has them in the history of an entity, which says where they are gone', async (t) => {
    const histories = [];
    for (const [archives, cleans] of [
      ['never', false],
      ['in time', true],
      ['never', true],
    ] as const) {
      const { log, topics, directory } = await installed(t, { archives, cleans });
      histories.push(
        await entityHistory({ log, topics, dataDirectory: directory }, first, first.key(old(0))),
      );
    }
    const [whole, shortened, cut] = histories;
    assert.ok(whole);
    assert.ok(whole.steps.some(({ event: { ts } }) => ts < start));
    assert.deepEqual(shortened, whole);
    assert.equal(cut?.isWhole, false);
    assert.deepEqual(
      cut?.steps.map(({ event: { event_id } }) => event_id),
      whole?.steps.flatMap(({ event: { event_id, ts } }) => (ts < start ? [] : [event_id])),
    );
  });

  it('is refused where no archive has them', async (t) => {
    for (const archives of ['never', 'too late'] as const) {
      const installation = await installed(t, { archives, cleans: true });
      await assert.rejects(installation.build(first), { code: 'MR_OFFLINE_INCOMPLETE' });
    }
  });
});

describe('the registry of views', () => {
  it('refuses a version that is declared otherwise than its rows were', async (t) => {
    const installation = await install(t);
    await declareViews(installation, featureViews);
    await declareViews(installation, featureViews);
    const statuses = [...(await readViewVersions(installation)).values()].map(({ status }) => status);
    assert.deepEqual(
      statuses,
      featureViews.map(() => 'live'),
    );
    const [view] = featureViews;
    assert.ok(view);
    const newer = { ...view, version: view.version + 1 };
    await takeOver(installation, newer);
    await declareViews(installation, featureViews);
    const versions = await readViewVersions(installation);
    assert.equal(
      versions.get(`${view.name}-${view.version}`)?.status,
      'retired',
      'by a newer one of a module',
    );
    assert.equal(versions.get(`${view.name}-${newer.version}`)?.status, 'live');
    const other = { ...view, declaration: 'another' };
    await assert.rejects(declareViews(installation, [other]), { code: 'MR_FEATURES_DECLARATION' });
  });

  it('names modules that declare nothing of use', async () => {
    const refused = { code: 'MR_FEATURES_MODULE' };
    await assert.rejects(viewsOfModules([fixture('none.ts')]), refused);
    await assert.rejects(viewsOfModules([join(import.meta.dirname, 'registry.ts')]), refused);
    await assert.rejects(viewsOfModules([fixture('user-kinds.ts'), fixture('user-kinds.ts')]), refused);
    await assert.rejects(viewsOfModules([fixture('user-profile.ts')]), {
      ...refused,
      message: /no view of events/,
    });
    assert.deepEqual(
      (await viewsOfModules(modules)).map(({ name, version }) => `${name}-${version}`),
      ['user-kinds-1', 'user-kinds-2'],
    );
  });
});
