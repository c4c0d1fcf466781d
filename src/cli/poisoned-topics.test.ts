import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { type Log, openEmbeddedLog } from '#engine/log';
import { createLogger, systemClock } from '#platform';
import { commandLine, jsonLines, type Running } from './testing/command-line.ts';
import { Poisoner } from './testing/poisoner.ts';

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

async function answered(url: string): Promise<{ ready: unknown; answer: number; accepted: number }> {
  const get = (path: string) => fetch(`${url}${path}`, { headers });
  const ready = await (await get('/health/ready')).json();
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

const healthy = { ready: { status: 'ready' }, answer: 200, accepted: 202 };

it('a start goes on while each topic is poisoned, and begins with all of them poisoned', {
  timeout: 300_000,
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
  for (const { task, result, detail, state } of jsonLines(out))
    assert.deepEqual({ task, result, detail, state }, { task, result: 'equal', detail, state: 'equal' });

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
