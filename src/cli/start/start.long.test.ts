import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { heldLog } from '#log/testing';
import { inspectLock } from '#platform';
import { eventually } from '#platform/testing';
import { commandLine, jsonLines, type Printed, smallWorld } from '../testing/command-line.ts';
import { writeMovieLens } from '../testing/movielens-directory.ts';

type Started = {
  readonly url: string;
  readonly version: string | null;
  readonly trained: object | null;
  readonly world: { readonly events: number; readonly written: number } | null;
  readonly processed: { readonly events: number };
  readonly answer: { readonly items: readonly object[] };
};

type Answered = {
  readonly version: string;
  readonly request_id: string;
  readonly items: readonly { readonly item_id: string }[];
};

type Quality = {
  readonly answers: readonly { readonly version: string; readonly shown: number; readonly clicked: number }[];
};

const upLine = /^\{"url".*\}$/m;

const tail = (topic: string) => ['events', 'tail', topic, '-n', '100000'];

const eventIds = ({ out }: Pick<Printed, 'out'>) =>
  jsonLines<{ value: { event_id: string } }>(out).map(({ value }) => value.event_id);

describe('start', () => {
  it('serves, shares its data with the other commands, stops in order, and trains nothing again', async (t) => {
    const { begin, run, runEach, print } = commandLine(t);
    const first = begin(['start', '--json']);
    const up = JSON.parse((await first.until(upLine))[0]) as Started;
    assert.deepEqual([up.world?.written, up.processed.events, up.answer.items.length], [3000, 3000, 10]);
    assert.notEqual(up.trained, null);

    const locked = await run(['start']);
    assert.equal(locked.code, 2);
    assert.match(
      locked.err,
      new RegExp(`^error MR_DATA_LOCKED: .* process ${first.pid} \\(start\\)\\.\nhint: `),
    );

    const event = { event_id: 'mine', user_id: 'newcomer', item_id: 'i1', kind: 'like', ts: Date.now() };
    const headers = { 'content-type': 'application/json', connection: 'close' };
    const posted = await fetch(`${up.url}/events`, { method: 'POST', headers, body: JSON.stringify(event) });
    assert.equal(posted.status, 202, await posted.text());
    const [recommended, tailed] = await runEach([
      ['recommend', 'newcomer', '--device', 'tv', '--country', 'DE', '--json'],
      ['events', 'tail', 'answers', '-n', '1'],
    ]);
    const answer = jsonLines<Answered>(recommended?.out ?? '');
    assert.equal(answer[0]?.version, up.version);
    assert.match(tailed?.out ?? '', /"user_id":"newcomer"/);
    const { request_id, items = [] } = answer[0] ?? {};
    const met = (kind: string, i: number) => ({
      ...{ event_id: `${kind}-${i}`, user_id: 'newcomer', item_id: items[i]?.item_id },
      ...{ kind, request_id, ts: Date.now() },
    });
    const reactions = [met('impression', 0), met('impression', 1), met('click', 1)];
    await fetch(`${up.url}/events`, { method: 'POST', headers, body: JSON.stringify(reactions) });
    await eventually('what was shown and clicked is counted', async () => {
      const { answers } = (await (await fetch(`${up.url}/quality`, { headers })).json()) as Quality;
      const own = answers.find(({ version }) => version === up.version);
      return own?.shown === 2 && own.clicked === 1;
    });
    const stored = await fetch(`${up.url}/stores/user-views/user-features?prefix=u1&limit=2`, { headers });
    const { entries } = (await stored.json()) as { entries: { key: string }[] };
    assert.deepEqual([stored.status, entries.length, entries[0]?.key], [200, 2, 'u1']);
    const asked = await fetch(
      `${up.url}/tasks/interactions-accepted/0/rows?store=user-views/user-features&gte=&lt=_w&limit=1`,
      { headers },
    );
    const { rows } = (await asked.json()) as { rows: object[] };
    assert.deepEqual([asked.status, rows.length], [200, 1], 'as another process asks');
    const unknown = await fetch(`${up.url}/stores/none?key=u1`, { headers });
    assert.equal(((await unknown.json()) as { code: string }).code, 'MR_QUERY_STORE_UNKNOWN');

    const trained = await run(['train', '--seed', '9', '--json']);
    assert.equal(trained.code, 0, trained.err);
    const [decision] = jsonLines<{ version: string; status: string }>(trained.out);
    assert.equal(decision?.status, 'promoted');
    assert.notEqual(decision?.version, up.version);

    const stopped = await first.signal('SIGINT');
    assert.deepEqual([stopped.code, stopped.signal], [0, null]);

    const second = begin(['start', '--json']);
    const resumed = JSON.parse((await second.until(upLine))[0]) as Started;
    assert.deepEqual(
      [resumed.trained, resumed.world?.written, resumed.version],
      [null, 0, decision?.version],
    );
    assert.equal((await second.signal('SIGTERM')).code, 0);
    const ids = eventIds(await print(tail('interactions-accepted')));
    assert.equal(ids.length, 3004);
    assert.equal(new Set(ids).size, 3004);
  });

  it('completes what Ctrl-C and kill -9 cut off, in the middle of making events and of training', async (t) => {
    const events = 12_000;
    const line = commandLine(t, { ...smallWorld, simulation: { ...smallWorld.simulation, events } });
    const interrupted = line.begin(['start']);
    await interrupted.until(/^Making the catalogue: 100%/m);
    const { code, err } = await interrupted.signal('SIGINT');
    assert.equal(code, 130);
    assert.match(err, /\nStopping \.\.\.\n/);
    assert.doesNotMatch(err, /error/);

    const cut = await line.run(['start'], { MILLRACE_FAILPOINTS: 'load.write=kill@2' });
    assert.equal(cut.signal, 'SIGKILL');
    assert.ok(eventIds(await line.print(tail('interactions'))).length < events);

    const training = await line.run(['start'], { MILLRACE_FAILPOINTS: 'trainer.commit.before=kill@3' });
    assert.equal(training.signal, 'SIGKILL');
    assert.match(training.err, /^Snapshot: 100%/m);
    assert.equal((await line.print(['versions', '--json'])).out, '');

    const last = line.begin(['start', '--json']);
    const up = JSON.parse((await last.until(upLine))[0]) as Started;
    assert.equal(up.world?.written, 0);
    assert.notEqual(up.trained, null);
    assert.equal((await last.signal('SIGINT')).code, 0);
    const [versions, ...tailed] = await line.runEach([
      ['versions', '--json'],
      tail('interactions'),
      tail('interactions-accepted'),
    ]);
    assert.equal(jsonLines(versions?.out ?? '').length, 1);
    for (const ids of tailed.map(eventIds)) {
      assert.deepEqual([ids.length, new Set(ids).size], [events, events]);
    }
  });

  it('ends on Ctrl-C while it opens its log, and leaves nothing at work', async (t) => {
    const { begin, directory } = commandLine(t);
    const data = join(directory, '.millrace');
    const log = heldLog(data);
    const started = begin(['start']);
    await eventually('the data directory is locked', () => existsSync(join(data, 'lock.json')));
    const ended = started.signal('SIGINT');
    await started.until(/Stopping/);
    log.release();
    const { code, out, err } = await ended;
    assert.deepEqual([code, out, err], [130, '', '\nStopping ...\n']);
    assert.deepEqual(inspectLock(join(directory, '.millrace')), { held: false });
  });

  it('refuses a port that is in use before it does anything', async (t) => {
    const { run, directory, print } = commandLine(t);
    const other = createServer();
    t.after(() => other.close());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { code, err } = await run(['start', '--port', String(port)]);
    assert.equal(code, 2);
    assert.match(err, new RegExp(`^error MR_HTTP_PORT_IN_USE: .*${port}.*\nhint: `));
    assert.match((await print(['topics'])).err, /MR_DATA_EMPTY/, directory);
  });

  it('serves imported data without making a world; its topics can be followed until Ctrl-C or until the reader goes', async (t) => {
    const { run, begin, directory, print } = commandLine(t);
    assert.equal((await run(['import', 'movielens', writeMovieLens(join(directory, 'ml'))])).code, 0);
    const started = begin(['start', '--json']);
    const up = JSON.parse((await started.until(upLine))[0]) as Started;
    assert.deepEqual([up.world, up.processed.events], [null, 1200]);
    const repeated = await run(['import', 'movielens', join(directory, 'ml'), '--json']);
    assert.match(repeated.out, /"repeated":true/);
    assert.equal((await started.signal('SIGINT')).code, 0);

    const following = begin(['events', 'tail', 'interactions', '-n', '2', '--follow']);
    await following.until(/\n.*\n/);
    const { code, out, err } = await following.signal('SIGINT');
    assert.deepEqual([code, err, jsonLines(out).length], [0, '', 2]);

    const cutOff = begin(['events', 'tail', 'interactions', '-n', '100000']);
    await cutOff.until(/\n/);
    cutOff.stopReading();
    const { code: quiet, err: nothing } = await cutOff.ended;
    assert.deepEqual([quiet, nothing], [0, '']);
    const unknown = await print(['events', 'tail', 'bogus']);
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /^error MR_LOG_UNKNOWN_TOPIC: .*\nhint: Name one of interactions, /);
  });
});
