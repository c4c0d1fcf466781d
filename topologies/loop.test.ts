import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TopicReader } from '#engine';
import {
  catalogue,
  event,
  examples,
  goOnTo,
  MINUTE_MS,
  NOW,
  openLoop,
  publish,
  publishItems,
  WINDOW_MS,
} from './testing/loop-driver.ts';

describe('the loop', () => {
  it('makes an example of an event when its window has passed, with profile and facts', async (t) => {
    const loop = await openLoop(t);
    const profile = { age: 30, gender: 'female', occupation: 'artist', country: 'FR' } as const;
    await loop.driver.pipe(loop.topics.users, [
      'u',
      { user_id: 'u', language: null, created: 0, ...profile },
      0,
    ]);
    await publishItems(loop, ...catalogue);
    const at = NOW - 60 * MINUTE_MS;
    const context = { device: 'tv', country: 'FR', language: null } as const;
    await publish(loop, event('a', at, { kind: 'impression', context }));
    await goOnTo(loop, at + WINDOW_MS);
    assert.deepEqual(await examples(loop), [], 'what comes at the end of the window is still in time');
    await goOnTo(loop, at + WINDOW_MS + 1);
    const [example] = await examples(loop);
    assert.deepEqual(example?.profile, profile);
    assert.equal(example?.facts?.category, 'Drama');
    assert.equal(example?.weight, 0);
    assert.deepEqual(example?.context, { hour: 23, weekday: 4, ...context, session_position: 0 });
    assert.deepEqual([example?.category?.events, example?.pair?.events, example?.user.events], [0, 0, 0]);
  });

  it('weighs examples by the kind of their event, as it is told', async (t) => {
    const loop = await openLoop(t, {}, {}, {}, { weights: { view: 0.25, like: 0 } });
    const at = NOW - 60 * MINUTE_MS;
    const kinds = ['impression', 'view', 'click', 'complete', 'like'] as const;
    await publish(loop, ...kinds.map((kind, i) => event(`${i}`, at + i, { kind })));
    await goOnTo(loop, at + WINDOW_MS + kinds.length);
    const weights = (await examples(loop)).map(({ kind, weight }) => [kind, weight]);
    assert.deepEqual(Object.fromEntries(weights), {
      impression: 0,
      view: 0.25,
      click: 0.5,
      complete: 1,
      like: 0,
    });
  });

  it('says on `examples` up to when they are complete', async (t) => {
    const loop = await openLoop(t);
    const at = NOW - 120 * MINUTE_MS;
    await publish(loop, event('a', at), event('b', at + 60 * MINUTE_MS));
    await goOnTo(loop, at + 80 * MINUTE_MS);
    const reader = await TopicReader.open(loop.driver.log, loop.topics.examples, { from: 'start' });
    const seen: (string | undefined)[] = [];
    for await (const chunk of reader.untilEnd()) seen.push(...chunk.map(({ value }) => value?.event_id));
    assert.deepEqual(seen, ['a']);
    const until = reader.watermark;
    assert.ok(
      until > at && until <= at + 60 * MINUTE_MS,
      `${until - at}: b waits, nothing after it is certain`,
    );
    await reader.close();
  });
});
