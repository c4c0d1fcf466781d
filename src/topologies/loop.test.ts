import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TopicReader } from '#engine';
import type { Candidate } from '#schemas';
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
      `${until - at}: b waits, nothing behind it is certain`,
    );
    await reader.close();
  });
});

describe('versions', () => {
  const metrics = (value: number) => ({ 'recall@10': value, 'ndcg@10': value });
  const candidate = (version: string, reached: number): Candidate => ({
    version,
    snapshot_id: 's',
    model: 'two-tower',
    directory: `versions/${version}`,
    dimension: 8,
    items: 10,
    protocol: 'per-user-last-20%',
    metrics: metrics(reached),
    popularity: metrics(0.1),
    decayed_popularity: metrics(0.12),
  });
  const command = (id: string, reported: Candidate, kind: 'publish' | 'archive' = 'publish') => {
    const request = { command_id: id, ts: NOW, kind, seed: null, force: false } as const;
    return [id, { ...request, snapshot: null, candidate: reported }, NOW] as const;
  };

  it('promote what beats both popularities, reject the rest with the reason, and decide once', async (t) => {
    const { driver, topics } = await openLoop(t);
    await driver.pipe(
      topics.commands,
      command('1', candidate('good', 0.13)),
      command('2', candidate('bad', 0.11)),
    );
    await driver.pipe(topics.commands, command('3', candidate('good', 0.01)));
    await driver.settle();
    const events = (await driver.read(topics.versions)).map(({ value }) => value);
    assert.deepEqual(
      events.map((version) => [version?.version, version?.status]),
      [
        ['good', 'registered'],
        ['good', 'evaluated'],
        ['good', 'promoted'],
        ['bad', 'registered'],
        ['bad', 'evaluated'],
        ['bad', 'rejected'],
      ],
    );
    assert.match(events.at(-1)?.reason ?? '', /recall@10 is 0.1100, popularity reaches 0.1200/);
  });

  it('are archived for good by a command, once, whatever was decided before', async (t) => {
    const { driver, topics } = await openLoop(t);
    const [good, unseen] = [candidate('good', 0.13), candidate('unseen', 0.13)];
    await driver.pipe(topics.commands, command('1', good), command('2', good, 'archive'));
    await driver.pipe(topics.commands, command('3', good, 'archive'), command('4', good));
    await driver.pipe(topics.commands, command('5', unseen, 'archive'), command('6', unseen));
    await driver.settle();
    const events = (await driver.read(topics.versions)).map(({ value }) => value);
    assert.deepEqual(
      events.slice(2).map((version) => [version?.version, version?.status, version?.reason]),
      [
        ['good', 'promoted', null],
        ['good', 'archived', 'withdrawn by command 2'],
        ['unseen', 'archived', 'withdrawn by command 5'],
      ],
    );
  });
});
