import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type StoreAnswer, servePeers, serveQueries, TopicReader, TopicWriter } from '#engine';
import { type EmbeddedLog, openEmbeddedLog } from '#log';
import { createHttpServer, createLogger, createMetrics, renderTogether, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { Interaction } from '#schemas';
import { type Configuration, loadConfiguration } from '#service/configuration';
import { OUTCOME_WINDOW_MS, openTopics, type Topics } from '#topologies';
import { loopLag } from './lag.ts';
import { type Processing, startProcessing } from './processing.ts';

const start = Date.UTC(2026, 0, 1);

/** An hour after each 3,000: by then the windows of all examples before have closed. */
const timeOf = (n: number) => start + n * 1_000 + Math.floor(n / 3_000) * 3_600_000;

function event(n: number): Interaction {
  return {
    event_id: `e${n}`,
    user_id: `u${n % 17}`,
    item_id: `i${n % 11}`,
    kind: n % 3 === 0 ? 'click' : 'impression',
    value: null,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: null, country: null, language: null },
    ts: timeOf(n),
    original_ts: null,
    item: null,
  };
}

type Started = { readonly instanceId?: string; readonly endpoint?: string; readonly threads?: number };

type Installation = {
  readonly log: EmbeddedLog;
  readonly topics: Topics;
  write(from: number, to: number): Promise<void>;
  start(options?: Started): Promise<Processing>;
};

async function install(t: TestContext): Promise<Installation> {
  const directory = temporaryDirectory(t);
  const configuration: Configuration = loadConfiguration({
    flags: {
      data: directory,
      'logging.level': 'silent',
      'engine.commitIntervalMs': 20,
      'privacy.userIds': 'as-given',
    },
    environment: {},
    directory,
  });
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  const topics = await openTopics(log, log.registry);
  const running: Processing[] = [];
  t.after(async () => {
    for (const processing of running) await processing.stop();
    await log.close();
  });
  return {
    log,
    topics,
    write: async (from, to) => {
      const writer = await TopicWriter.open(log, topics.interactions);
      const events = Array.from({ length: to - from }, (_, n) => event(from + n));
      await writer.write(events.map((value) => ({ key: value.user_id, value, timestamp: value.ts })));
      await writer.announce(timeOf(to - 1) + OUTCOME_WINDOW_MS + 1);
      await writer.close();
    },
    start: async ({ instanceId = 'main', endpoint, threads = 1 } = {}) => {
      const processing = await startProcessing({
        embedded: log,
        log,
        registry: log.registry,
        topics,
        stateDirectory: join(directory, 'state', instanceId),
        instanceId,
        endpoint,
        configuration: { ...configuration, engine: { ...configuration.engine, threads } },
      });
      running.push(processing);
      return processing;
    },
  };
}

async function count(
  { log, topics }: Installation,
  name: 'interactions-accepted' | 'examples',
): Promise<number> {
  const reader = await TopicReader.open(log, topics[name] as Topics['examples'], { from: 'start' });
  let records = 0;
  for await (const some of reader.untilEnd()) records += some.length;
  await reader.close();
  return records;
}

async function endOf({ log }: Installation, topic: string): Promise<number> {
  const [described] = await log.describeTopics([topic]);
  return (described?.offsets ?? []).reduce((sum, { stable }) => sum + stable, 0);
}

/** Events that admission let pass. */
async function admitted(processing: Processing): Promise<number> {
  const tasks = (await processing.report()).flatMap((member) => member.tasks);
  const counts = tasks.flatMap(({ operators }) =>
    operators.filter(({ operator }) => operator === 'admission'),
  );
  return counts.reduce((sum, each) => sum + each.out, 0);
}

describe('processing', () => {
  it('is caught up when every stage has committed, and goes on where it stopped', async (t) => {
    const installation = await install(t);
    await installation.write(0, 3000);
    const first = await installation.start();
    await first.untilCaughtUp();
    assert.equal(await count(installation, 'interactions-accepted'), 3000);
    assert.equal(await count(installation, 'examples'), 3000);
    const digests = await first.digests();
    const { entries, position } = await first.query('user-views/user-features', { kind: 'range' });
    assert.equal(entries.length, 17);
    const taken = Object.values(position['interactions-accepted'] ?? {}).reduce((sum, each) => sum + each, 0);
    assert.ok(taken >= 3000 && taken <= (await endOf(installation, 'interactions-accepted')), `${taken}`);
    await assert.rejects(first.query('none', { kind: 'range' }), {
      code: 'MR_QUERY_STORE_UNKNOWN',
      remedy: 'fix-input',
    });
    assert.ok(first.stores().some(({ name }) => name === 'item-views/item-features'));
    assert.equal(await admitted(first), 3000);
    const metrics = await renderTogether(await first.metrics());
    assert.match(metrics, /engine_task_lag_records\{task="interactions-0"\} 0/);
    assert.match(metrics, /admission_events_total\{outcome="accepted"\} 3000/);
    await first.stop();
    await first.ended;

    const second = await installation.start();
    await second.untilCaughtUp();
    assert.deepEqual(await second.digests(), digests);
    await installation.write(3000, 3300);
    await second.untilCaughtUp();
    assert.equal(await count(installation, 'interactions-accepted'), 3300);
    assert.equal(await count(installation, 'examples'), 3300);
    assert.notDeepEqual(await second.digests(), digests);
    const lag = await loopLag(installation.log);
    assert.equal(lag.find(({ topic }) => topic === 'interactions')?.lag, 0);
  });

  it('answers over HTTP for the tasks of another member as well, from that', async (t) => {
    const installation = await install(t);
    await installation.write(0, 500);
    const member = async (instanceId: string) => {
      const logger = createLogger({ level: 'silent', name: 'test' });
      const server = await createHttpServer({ logger, metrics: createMetrics() });
      t.after(() => server.close());
      let processing: Processing | undefined;
      const running = () => processing ?? assert.fail('it is asked before it has started');
      await serveQueries(server, {
        stores: () => running().stores(),
        query: (...args) => running().query(...args),
      });
      await servePeers(server, { readHere: (read) => running().readHere(read) });
      const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
      processing = await installation.start({ instanceId, endpoint: url });
      return { url, processing };
    };
    const members = [await member('one'), await member('two')] as const;
    for (const { processing } of members) await processing.untilCaughtUp();
    for (const { url } of members) {
      let answer: StoreAnswer;
      do {
        const response = await fetch(`${url}/stores/user-views/user-features`);
        answer = (await response.json()) as StoreAnswer;
        assert.equal(response.status, 200, JSON.stringify(answer));
        // The second member gets its share in a moment.
      } while (new Set(answer.copies.map(({ memberId }) => memberId)).size < 2);
      assert.equal(answer.entries.length, 17);
      const item = await fetch(`${url}/stores/item-views/item-features?key=i3`);
      const { entries } = (await item.json()) as StoreAnswer;
      assert.deepEqual(
        entries.map(({ key }) => key),
        ['i3'],
      );
    }
  });

  it('shares the tasks among threads, with the same result', async (t) => {
    const installation = await install(t);
    await installation.write(0, 3000);
    const threaded = await installation.start({ threads: 2 });
    await threaded.untilCaughtUp();
    assert.equal(await count(installation, 'examples'), 3000);
    const members = await threaded.report();
    assert.deepEqual(
      members.map(({ memberId, tasks }) => [memberId, tasks.length > 0]),
      [
        ['main-0', true],
        ['main-1', true],
      ],
    );
    const metrics = await renderTogether(await threaded.metrics());
    assert.match(metrics, /admission_events_total\{outcome="accepted"\} 3000/);
    const { entries } = await threaded.query('user-views/user-features', { kind: 'range' });
    assert.equal(entries.length, 17);
    const digests = await threaded.digests();
    await threaded.stop();

    const single = await installation.start();
    await single.untilCaughtUp();
    assert.deepEqual(await single.digests(), digests);
    await installation.write(3000, 3300);
    await single.untilCaughtUp();
    assert.equal(await count(installation, 'examples'), 3300);
  });

  for (const threads of [1, 2]) {
    it(`reports a failure of a thread as an error, and goes on after it: threads ${threads}`, async (t) => {
      const installation = await install(t);
      await installation.write(0, 500);
      process.env.MILLRACE_FAILPOINTS = 'commit.log.before=fail@2';
      const failing = await installation
        .start({ threads })
        .finally(() => delete process.env.MILLRACE_FAILPOINTS);
      const failure = { code: 'MR_PROCESSING_FAILED', message: /MR_FAILPOINT/ };
      await assert.rejects(failing.ended, failure);
      await assert.rejects(failing.untilCaughtUp(), failure);
      await failing.stop();

      const next = await installation.start();
      await next.untilCaughtUp();
      assert.equal(await count(installation, 'interactions-accepted'), 500);
      await next.stop();
      await assert.rejects(next.metrics(), { code: 'MR_PROCESSING_FAILED' });
    });
  }

  it('is refused with an error of configuration as such where a topic has another shape', async (t) => {
    const installation = await install(t);
    const first = await installation.start();
    await first.stop();
    const { log } = installation;
    const topics = await log.describeTopics();
    const repartition = topics.find(({ name }) => name.endsWith('-repartition')) ?? assert.fail();
    const { name, cleanup, partitions } = repartition;
    await log.deleteTopics([name]);
    await log.createTopics([{ name, cleanup, partitions: partitions + 1 }]);
    const refused = { name: 'ConfigurationError', code: 'MR_LOG_TOPIC_MISMATCH' };
    await assert.rejects(installation.start(), refused);
  });
});
