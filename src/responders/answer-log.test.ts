import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AnswerLog } from './answer-log.ts';
import { openWorld } from './testing/world.ts';

const answer = (i: number) => ({
  request_id: `r${i}`,
  user_id: 'u',
  ts: i,
  version: null,
  ranker: null,
  degraded: null,
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

  it('counts what the log does not take, and closes all the same', async (t) => {
    const world = await openWorld(t);
    const answers = await AnswerLog.open(world);
    await world.log.close();
    for (let i = 0; i < 5; i++) answers.add(answer(i));
    await answers.close();
    assert.match(await world.metrics.render(), /answers_dropped_total\{reason="log-failed"\} 5\n/);
  });
});
