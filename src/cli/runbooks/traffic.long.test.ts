/** Runbooks of what producers, callers and slow processing do to a running start: each is brought about, and the page's commands run. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { interaction, writeEvents } from '../testing/event-log.ts';
import { runbook } from '../testing/runbook.ts';

const configuration = { ...smallWorld, simulation: 'off' };
const DAY_MS = 86_400_000;

type Letter = { readonly id: number; readonly reason: string };
type Lag = { readonly partitions: readonly { readonly topic: string; readonly lag: number }[] };

it('beside a start', { timeout: 600_000 }, async (t) => {
  const line = commandLine(t, configuration);
  const start = line.begin(['start', '--json']);
  const { url } = JSON.parse((await start.until(/^\{"url".*\}$/m))[0]) as { url: string };
  /** The dead letters that nothing was done about, once there are so many. */
  const letters = async (args: readonly string[], count: number) => {
    return eventually(async () => {
      const { out } = await line.print([...args, '--json']);
      const found = jsonLines<Letter>(out);
      return found.length === count && found;
    });
  };

  /** The lag of all groups. */
  const lagOf = async (topic: string) => {
    const { out } = await line.print(['lag', '--json']);
    const partitions = jsonLines<Lag>(out).flatMap((each) => each.partitions);
    return partitions.filter((each) => each.topic === topic).reduce((sum, { lag }) => sum + lag, 0);
  };

  await t.test('poison-events: they are seen, tried once more, and put aside', async () => {
    const log = await openEmbeddedLog({
      directory: join(line.directory, '.millrace'),
      clock: systemClock,
    });
    const producer = await log.producer();
    const poison = { key: Buffer.from('ann'), value: Buffer.from('{"not":"avro"}'), timestamp: Date.now() };
    await producer.append('interactions', 0, [poison]);
    await log.close();
    const page = runbook('poison-events');
    const [letter = assert.fail()] = await letters(page.args('dead-letters list'), 1);
    const { args, assertAllRun } = runbook('poison-events', { ID: String(letter.id), CODE: letter.reason });
    const shown = await line.print(args('dead-letters show ID'));
    assert.ok(shown.out.includes(letter.reason), shown.out);
    const tail = await line.print(args('events tail interactions'));
    assert.equal(tail.code, 0, tail.err);
    const retried = await line.print(args('dead-letters retry --reason CODE'));
    assert.deepEqual([retried.code, retried.out], [0, '1 letter retried.\n'], retried.err);
    // It is as bad as before, so there is another letter about it.
    const [again = assert.fail()] = await letters(args('dead-letters list'), 1);
    assert.notEqual(again.id, letter.id);
    assert.equal((await line.print(args('dead-letters drop --reason CODE'))).code, 0);
    await letters(args('dead-letters list'), 0);
    assertAllRun();
  });

  await t.test('clock-skew: whose times are ahead is seen, and they are refused', async () => {
    const { args, assertAllRun } = runbook('clock-skew');
    const ahead = { ...interaction(7), ts: Date.now() + DAY_MS };
    await writeEvents(line.directory, 'interactions', [ahead]);
    const tail = await line.print(args('events tail interactions'));
    assert.ok(tail.out.includes(String(ahead.ts)), tail.out);
    const [letter] = await letters(['dead-letters', 'list'], 1);
    assert.equal(letter?.reason, 'MR_EVENT_FUTURE');
    assertAllRun();
  });

  await t.test('leaked-token: a revoked key opens nothing any more, a new one does', async () => {
    const { args, assertAllRun } = runbook('leaked-token', { NAME: 'shop' });
    const create = [...args('keys create'), 'shop', '--role', 'service', '--json'];
    const keyOf = async () => (JSON.parse((await line.print(create)).out) as { key: string }).key;
    const ask = async (key: string) => {
      const headers = { connection: 'close', authorization: `Bearer ${key}` };
      return (await fetch(`${url}/recommend/ann?k=1`, { headers })).status;
    };
    const leaked = await keyOf();
    await eventually(async () => (await ask(leaked)) === 200);
    assert.match((await line.print(args('keys list'))).out, /^shop /m);
    assert.equal((await line.print(args('keys revoke NAME'))).code, 0);
    await eventually(async () => (await ask(leaked)) === 401);
    const next = await keyOf();
    await eventually(async () => (await ask(next)) === 200);
    assert.equal(await ask(leaked), 401);
    assertAllRun();
  });

  await t.test(
    'stuck-consumer: lag grows while nothing is processed, and goes with the next start',
    async () => {
      const page = runbook('stuck-consumer');
      assert.equal((await start.signal('SIGTERM')).code, 0);
      // The user has had events before: a group's lag is known for partitions that it has committed.
      await writeEvents(line.directory, 'interactions', [interaction(10), interaction(13)]);
      const watching = line.begin([...page.args('lag --watch'), '--json']);
      await watching.until(/"topic":"interactions","partition":\d+,[^}]*"lag":[12][,}]/);
      const topics = await line.print(page.args('topics'));
      assert.match(topics.out, /^interactions /m);
      const again = line.begin(['start', '--json']);
      const [, url = ''] = await again.until(/"url":"(http[^"]*)"/);
      await eventually(async () => (await lagOf('interactions')) <= 0);
      assert.equal((await watching.signal('SIGINT')).code, 0);
      const { args, assertAllRun } = runbook('stuck-consumer', { 'http://HOST:8080': url });
      const top = line.begin(args('top --url http://HOST:8080'));
      await top.until(/interactions-0/);
      assert.equal((await top.signal('SIGINT')).code, 0);
      assert.equal((await again.signal('SIGTERM')).code, 0);
      for (const command of ['lag --watch', 'topics']) args(command);
      assertAllRun();
    },
  );
});
