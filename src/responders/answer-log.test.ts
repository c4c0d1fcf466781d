import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerDefaults } from '#schemas';
import { AnswerLog } from './answer-log.ts';
import { openWorld } from './testing/world.ts';

const answer = (i: number) => ({
  ...answerDefaults,
  request_id: `r${i}`,
  user_id: 'u',
  ts: i,
  version: null,
  k: 1,
  items: [],
  latency_ms: 0,
});

describe('answer log', () => {
  it('writes answers in their order, drops and counts what does not fit', async (t) => {
    const world = await openWorld(t);
    const answers = await AnswerLog.open(world);
    for (let i = 0; i < 10_003; i++) answers.add(answer(i));
    await answers.close();
    const logged = await world.loggedAnswers();
    assert.deepEqual(
      logged.map(({ request_id }) => request_id),
      Array.from({ length: 10_000 }, (_, i) => `r${i}`),
    );
    assert.match(await world.metrics.render(), /answers_dropped_total\{reason="queue-full"\} 3\n/);
  });

  it('drops and counts answers beyond so many bytes', async (t) => {
    const world = await openWorld(t);
    const answers = await AnswerLog.open(world);
    const [megabyte, count] = [1024 * 1024, 70];
    const large = { ...answer(0), session_id: 'x'.repeat(megabyte) };
    for (let i = 0; i < count; i++) answers.add(large);
    assert.ok(answers.isPending('r0'));
    await answers.close();
    assert.equal((await world.loggedAnswers()).length, 63);
    assert.match(await world.metrics.render(), /answers_dropped_total\{reason="queue-bytes"\} 7\n/);
  });

  it('counts what the log does not take, and closes all the same', async (t) => {
    const world = await openWorld(t);
    const answers = await AnswerLog.open(world);
    await world.log.close();
    for (let i = 0; i < 5; i++) answers.add(answer(i));
    await answers.close();
    assert.match(await world.metrics.render(), /answers_dropped_total\{reason="log-failed"\} 5\n/);
  });
});
