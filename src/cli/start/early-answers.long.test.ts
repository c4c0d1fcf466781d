import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { commandLine, jsonLines } from '../testing/command-line.ts';
import { interaction, writeEvents } from '../testing/event-log.ts';

type Answered = {
  readonly version: string | null;
  readonly degraded: string | null;
  readonly items: readonly { readonly source: string }[];
};

type Ready = { readonly not_ready?: readonly { readonly name: string; readonly reason: string }[] };

async function ask<T>(url: string): Promise<T> {
  const response = await fetch(url, { headers: { connection: 'close' } });
  return (await response.json()) as T;
}

it('a first start answers with popular items while it trains, and says so; a second one from its version', {
  timeout: 600_000,
}, async (t) => {
  const { begin, print } = commandLine(t);
  // Held where training has done an epoch, so that there is something to see however fast the machine is.
  const first = begin(['start'], { MILLRACE_FAILPOINTS: 'trainer.checkpoint.written=stall:5000' });
  const [, early] = await first.until(/^Popular items are served at (http:\S+) until the first version/m);
  let answer: Answered;
  do {
    await setTimeout(20);
    answer = await ask<Answered>(`${early}/recommend/u1?k=5`);
    assert.deepEqual([answer.version, answer.degraded], [null, 'MR_RECOMMEND_NO_VERSION']);
  } while (answer.items.length === 0);
  // With everybody, or with the user's country and cohort where their events have come through already.
  for (const { source } of answer.items) assert.match(source, /^popular/);
  const { not_ready: missing } = await ask<Ready>(`${early}/health/ready`);
  assert.match(missing?.find(({ name }) => name === 'start')?.reason ?? '', /^serves popular items while/);

  const [, url] = await first.until(/^Serving +(http:[^,]+),/m);
  assert.equal(url, early);
  answer = await ask<Answered>(`${url}/recommend/u1?k=5`);
  assert.notEqual(answer.version, null);
  assert.equal((await first.signal('SIGINT')).code, 0);

  const { out } = await print(['events', 'tail', 'answers', '-n', '1000']);
  const answers = jsonLines<{ value: { user_id: string; version: string | null } }>(out)
    .filter(({ value }) => value.user_id === 'u1')
    .map(({ value }) => value.version);
  assert.deepEqual([answers[0], answers.at(-1)], [null, answer.version]);

  const second = begin(['start']);
  await second.until(/^Serving /m);
  const { code, err } = await second.signal('SIGINT');
  assert.equal(code, 0);
  assert.doesNotMatch(err, /Popular items are served/);
});

it('a start behind a backlog answers from what is there, takes events, and says what it waits for', {
  timeout: 600_000,
}, async (t) => {
  const { begin, print, directory } = commandLine(t);
  const first = begin(['start']);
  await first.until(/^Serving /m);
  assert.equal((await first.signal('SIGINT')).code, 0);
  const now = Date.now();
  const backlog = Array.from({ length: 50 }, (_, i) => interaction(i, now + i));
  await writeEvents(directory, 'interactions', backlog);

  // Held at the first of them, so that there is something to see however fast the machine is.
  const second = begin(['start'], { MILLRACE_FAILPOINTS: 'process.batch=stall:5000' });
  const [, url] = await second.until(/^Answers come from (http:\S+) while/m);
  const { not_ready: missing } = await ask<Ready>(`${url}/health/ready`);
  assert.match(missing?.find(({ name }) => name === 'start')?.reason ?? '', /^answers from what is there/);
  assert.notDeepEqual((await ask<Answered>(`${url}/recommend/u1?k=5`)).items, []);
  const event = { event_id: 'meanwhile', user_id: 'u1', item_id: 'i1', kind: 'like' };
  const headers = { 'content-type': 'application/json' };
  const posted = await fetch(`${url}/events`, { method: 'POST', headers, body: JSON.stringify(event) });
  assert.equal(posted.status, 202, await posted.text());

  await second.until(/^Serving /m);
  assert.notEqual((await ask<Answered>(`${url}/recommend/u1?k=5`)).version, null);
  assert.equal((await second.signal('SIGINT')).code, 0);
  const { out } = await print(['events', 'tail', 'interactions-accepted', '-n', '100']);
  const accepted = jsonLines<{ value: { event_id: string } }>(out).map(({ value }) => value.event_id);
  for (const { event_id } of [...backlog, event]) assert.ok(accepted.includes(event_id), event_id);
});
