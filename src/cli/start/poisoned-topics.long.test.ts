import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { type Log, openLog as openAnyLog, openEmbeddedLog } from '#log';
import { seededRandom } from '#models';
import { createLogger, systemClock } from '#platform';
import { testSeed } from '#platform/testing';
import { kafkaServer, registryServer } from '#servers';
import { loadConfiguration } from '#service/configuration';
import { commandLine, jsonLines, type Running, smallWorld } from '../testing/command-line.ts';
import { Poisoner } from '../testing/poisoner.ts';

type Started = {
  readonly url: string;
  readonly version: string | null;
  readonly trained: object | null;
  readonly answer: { readonly items: readonly object[] };
};

const upLine = /^\{"url".*\}$/m;
const headers = { connection: 'close' };

async function openLog(t: TestContext, directory: string): Promise<Log> {
  const logger = createLogger({ level: 'silent', name: 'test' });
  const data = join(directory, '.millrace');
  const log = await openEmbeddedLog({ directory: data, clock: systemClock, logger, synchronous: 'normal' });
  t.after(() => log.close());
  return log;
}

async function answered(url: string): Promise<{ ready: string; answer: number; accepted: number }> {
  const get = (path: string) => fetch(`${url}${path}`, { headers });
  const { status: ready } = (await (await get('/health/ready')).json()) as { readonly status: string };
  const answer = await get('/recommend/u1');
  await answer.text();
  const event = { user_id: 'u1', item_id: 'i1', kind: 'view' };
  const posted = await fetch(`${url}/events`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(event),
  });
  await posted.text();
  return { ready, answer: answer.status, accepted: posted.status };
}

async function stopped(running: Running): Promise<string> {
  const { code, err } = await running.signal('SIGTERM');
  assert.equal(code, 0, err.slice(-2_000));
  return err;
}

const healthy = { ready: 'ready', answer: 200, accepted: 202 };

it('a start goes on while each topic is poisoned, and begins with all of them poisoned', {
  timeout: 600_000,
}, async (t) => {
  const { begin, runEach, directory } = commandLine(t);
  const first = begin(['start', '--json', '--log-level', 'silent']);
  const up = JSON.parse((await first.until(upLine))[0]) as Started;
  const poisoner = await Poisoner.open(await openLog(t, directory));
  const topics = await poisoner.topics();
  assert.ok(topics.length > 40);
  for (const topic of topics) {
    await poisoner.poison(topic);
    assert.deepEqual(await answered(up.url), healthy, topic.name);
  }
  await stopped(first);

  const second = begin(['start', '--json', '--log-level', 'silent']);
  const again = JSON.parse((await second.until(upLine))[0]) as Started;
  assert.deepEqual([again.version, again.trained, again.answer.items.length], [up.version, null, 10]);
  assert.deepEqual(await answered(again.url), healthy);
  const metrics = await (await fetch(`${again.url}/metrics`, { headers })).text();
  for (const topic of ['runs', 'versions', 'snapshots', 'feature-views'])
    assert.match(
      metrics,
      new RegExp(`^millrace_topic_undecodable_records_total\\{topic="${topic}"\\} [1-9]`, 'm'),
    );
  await stopped(second);
  const [{ out = '' } = {}] = await runEach([['verify', '--json']]);
  for (const { task, result, detail, state, files } of jsonLines(out)) {
    const expected = files === undefined ? 'equal' : undefined;
    assert.deepEqual({ task, result, detail, state }, { task, result: 'equal', detail, state: expected });
  }

  // Restored from changelogs that hold all of it.
  rmSync(join(directory, '.millrace/state'), { recursive: true });
  const third = begin(['start', '--json', '--log-level', 'silent']);
  const restored = JSON.parse((await third.until(upLine))[0]) as Started;
  assert.equal(restored.version, up.version);
  assert.deepEqual(await answered(restored.url), healthy);
  await stopped(third);

  for (const { code, err } of await runEach([['versions'], ['runs'], ['snapshot', '--last'], ['features']]))
    assert.equal(code, 0, err);
});

it('a start begins with one topic poisoned', {
  timeout: 3_600_000,
}, async (t) => {
  t.diagnostic(`seed ${testSeed}; MILLRACE_POISON_EACH=1 for each topic in turn, which takes some minutes`);
  const { begin, directory } = commandLine(t);
  const data = join(directory, '.millrace');
  const sound = join(directory, 'sound');
  const first = begin(['start', '--json', '--log-level', 'silent']);
  const up = JSON.parse((await first.until(upLine))[0]) as Started;
  await stopped(first);
  cpSync(data, sound, { recursive: true });
  const topicsOf = async (log: Log) => (await Poisoner.open(log)).topics();
  const log = await openLog(t, directory);
  const names = (await topicsOf(log)).map(({ name }) => name).sort();
  await log.close();
  const random = seededRandom(testSeed);
  const chosen =
    process.env.MILLRACE_POISON_EACH === '1'
      ? names
      : Array.from({ length: 3 }, () => names[random.integer(names.length)] as string);
  for (const name of chosen) {
    const poisoned = await openLog(t, directory);
    const topic = (await topicsOf(poisoned)).find((each) => each.name === name) ?? assert.fail(name);
    await (await Poisoner.open(poisoned)).poison(topic);
    await poisoned.close();
    const start = begin(['start', '--json', '--log-level', 'silent']);
    const again = JSON.parse((await start.until(upLine))[0]) as Started;
    assert.equal(again.version, up.version, `${name}, seed ${testSeed}`);
    assert.deepEqual(await answered(again.url), healthy, `${name}, seed ${testSeed}`);
    await stopped(start);
    rmSync(data, { recursive: true });
    cpSync(sound, data, { recursive: true });
  }
});

it('on Kafka a start goes on while all topics are poisoned, and begins with them', {
  timeout: 600_000,
}, async (t) => {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  if (kafka === undefined || registry === undefined) return;
  const prefix = `poisoned-${process.pid}-`;
  const options = { log: `${kafka.url}?prefix=${prefix}`, registry: `${registry.url}?prefix=${prefix}` };
  const { begin, directory } = commandLine(t, { ...smallWorld, ...options });
  const first = begin(['start', '--json', '--log-level', 'silent']);
  const up = JSON.parse((await first.until(upLine))[0]) as Started;
  const configuration = loadConfiguration({ flags: options, environment: {}, directory });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const opened = await openAnyLog(configuration, { clock: systemClock, random: Math.random, logger });
  const poisoner = await Poisoner.open(opened.log);
  const topics = (await poisoner.topics()).filter(({ name }) => !name.startsWith('__'));
  assert.ok(topics.length > 40);
  for (const topic of topics) await poisoner.poison(topic);
  await opened.close();
  assert.deepEqual(await answered(up.url), healthy);
  await stopped(first);
  const second = begin(['start', '--json', '--log-level', 'silent']);
  const again = JSON.parse((await second.until(upLine))[0]) as Started;
  assert.equal(again.version, up.version);
  assert.deepEqual(await answered(again.url), healthy);
  await stopped(second);
});
