import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  accepted,
  decide,
  event,
  HOUR_MS,
  item,
  LATENESS_MS,
  NOW,
  openLoop,
  publish,
  publishItems,
  refusals,
} from './testing/loop-driver.ts';

const idsOf = async (loop: Parameters<typeof accepted>[0]) =>
  (await accepted(loop)).map(({ event_id }) => event_id);

describe('admission', () => {
  it('lets an event id of a user through once, over a restart, for 24 hours of event time', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW - 30 * HOUR_MS), event('a', NOW - 30 * HOUR_MS));
    await loop.driver.restart({ keepStores: false });
    await publish(loop, event('a', NOW - 29 * HOUR_MS), event('a', NOW - 7 * HOUR_MS));
    await publish(loop, event('b', NOW - 5 * HOUR_MS), event('a', NOW - HOUR_MS));
    assert.deepEqual(await idsOf(loop), ['a', 'b', 'a'], 'the last one comes 29 hours after the first');
    assert.equal(loop.outcomes.duplicate, 3);
    assert.equal(loop.outcomes.accepted, 3);
  });

  it('refuses users under names that the log does not use', async (t) => {
    const isUserName = (userId: string) => userId !== 'u';
    const loop = await openLoop(t, {}, { isUserName });
    await publish(loop, event('a', NOW), event('b', NOW, { user_id: 'v' }));
    assert.deepEqual(await idsOf(loop), ['b']);
    assert.deepEqual(await refusals(loop), ['MR_EVENT_NOT_PSEUDONYM']);
  });

  it('does not confuse two users’ events of one id', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW), event('a', NOW, { user_id: 'v' }));
    assert.equal((await accepted(loop)).length, 2);
  });

  it('moves a late event up to the watermark and keeps its own time', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW - HOUR_MS), event('b', NOW - 2 * HOUR_MS, { original_ts: 5 }));
    const [, late] = await accepted(loop);
    assert.equal(late?.ts, NOW - HOUR_MS - LATENESS_MS);
    assert.equal(late?.original_ts, NOW - 2 * HOUR_MS);
    assert.equal(loop.outcomes.clamped, 1);
  });

  it('tells events that are late by an outage from those that their producer kept back', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW));
    const outageMs = LATENESS_MS + 1_000;
    loop.driver.advanceWallClock(outageMs);
    // The newest comes first, as after an outage it may.
    await publish(loop, event('newest', NOW + 3 * LATENESS_MS));
    await publish(loop, event('of-the-outage', NOW + 500), event('kept-back', NOW - LATENESS_MS - 1));
    assert.equal(loop.outcomes.clamped, 2);
    assert.equal(loop.outcomes['late-by-outage'], 1);
  });

  it('refuses ids whose bytes are no UTF-8, which all would read alike', async (t) => {
    const loop = await openLoop(t);
    const topic = loop.topics.interactions;
    const wrong = (bytes: Buffer, byte: number) => {
      const at = bytes.indexOf('u#');
      bytes[at + 1] = byte;
      return bytes;
    };
    const records = [0xff, 0xfe].map((byte) => ({
      key: wrong(Buffer.from('u#'), byte),
      value: wrong(Buffer.from(topic.value.encode(event('a', NOW, { user_id: 'u#' }))), byte),
      timestamp: NOW,
    }));
    const producer = await loop.driver.log.producer();
    await producer.append(topic.name, 0, records);
    await producer.close();
    await loop.driver.settle();
    assert.deepEqual(await accepted(loop), []);
    assert.deepEqual(await refusals(loop), ['MR_EVENT_INVALID', 'MR_EVENT_INVALID']);
  });

  it('is not led astray by an event from the future', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW), event('future', NOW + 400 * 24 * HOUR_MS));
    await publish(loop, event('b', NOW + 1_000), event('c', NOW + 2_000));
    assert.deepEqual(await idsOf(loop), ['a', 'b', 'c']);
  });

  it('remembers an event as long as its twin would not be too late', async (t) => {
    const loop = await openLoop(t);
    const first = NOW - 48 * HOUR_MS;
    const second = first + 24 * HOUR_MS + LATENESS_MS / 2;
    await publish(loop, event('a', first), event('b', second), event('a', first));
    assert.deepEqual(await idsOf(loop), ['a', 'b']);
    assert.equal(loop.outcomes.duplicate, 1);
  });

  it('remembers an id at exactly the horizon, and a millisecond later refuses its twin', async (t) => {
    for (const beyondMs of [0, 1]) {
      const loop = await openLoop(t);
      const first = NOW - 48 * HOUR_MS;
      const watermark = first + 24 * HOUR_MS + beyondMs;
      await publish(loop, event('a', first), event('before', first - 1));
      await publish(loop, event('b', watermark + LATENESS_MS), event('a', first));
      assert.deepEqual(await idsOf(loop), ['a', 'before', 'b']);
      const letters = (await loop.driver.readDeadLetters()).map(({ value }) => value?.reason);
      assert.equal(loop.outcomes.duplicate ?? 0, beyondMs === 0 ? 1 : 0);
      assert.deepEqual(letters, beyondMs === 0 ? [] : ['MR_EVENT_TOO_LATE']);
    }
  });

  it('takes an event at exactly the horizon, and at exactly the bound on the future', async (t) => {
    const loop = await openLoop(t);
    const futureMs = 300_000;
    const oldest = NOW - LATENESS_MS - 24 * HOUR_MS;
    await publish(loop, event('now', NOW), event('oldest', oldest), event('older', oldest - 1));
    await publish(loop, event('ahead', NOW + futureMs), event('further', NOW + futureMs + 1));
    assert.deepEqual(await idsOf(loop), ['now', 'oldest', 'ahead']);
    const letters = (await loop.driver.readDeadLetters()).map(({ value }) => value?.reason);
    assert.deepEqual(letters, ['MR_EVENT_TOO_LATE', 'MR_EVENT_FUTURE']);
  });

  it('lets the first of two bodies under one id hold, and counts the other', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW), event('a', NOW, { kind: 'like' }), event('a', NOW + 1));
    const [first, ...others] = await accepted(loop);
    assert.deepEqual([first?.kind, others], ['view', []]);
    assert.equal(loop.outcomes.conflicting, 1);
    assert.equal(loop.outcomes.duplicate, 1, 'sent again, an event may have a new time');
    assert.deepEqual(await loop.driver.readDeadLetters(), []);
  });

  it('refuses what is too late, from the future, invalid or under a wrong key, each with its reason', async (t) => {
    const loop = await openLoop(t);
    await publish(
      loop,
      event('good', NOW),
      event('old', NOW - 25 * HOUR_MS),
      event('future', NOW + HOUR_MS),
      event('no item', NOW, { item_id: null }),
      event('rating', NOW, { kind: 'rating', value: 6 }),
      event('rating', NOW, { kind: 'rating' }),
      event('country', NOW, { context: { device: null, country: 'Germany', language: null } }),
      event('', NOW),
      event('control', NOW, { item_id: 'i\u001fj' }),
      event('control', NOW, { user_id: 'u\u0000' }),
      event('watch', NOW, { watch_ms: -1 }),
    );
    await loop.driver.pipe(loop.topics.interactions, ['other', event('key', NOW), NOW]);
    await loop.driver.settle();
    assert.deepEqual(await idsOf(loop), ['good']);
    const reasons = (await loop.driver.readDeadLetters()).map(({ value }) => value?.reason).sort();
    const invalid = Array.from({ length: 9 }, () => 'MR_EVENT_INVALID');
    assert.deepEqual(reasons, ['MR_EVENT_FUTURE', ...invalid, 'MR_EVENT_TOO_LATE']);
  });
});

describe('items and users', () => {
  it('are looked up when an event is admitted, and stay what they were', async (t) => {
    const loop = await openLoop(t);
    await publishItems(loop, item('i', 'Drama'));
    await publish(loop, event('a', NOW, { item: { ...item('i', 'Forged') } }));
    await publishItems(loop, item('i', 'Comedy'));
    await publish(loop, event('b', NOW), event('c', NOW, { kind: 'search', item_id: null }));
    const facts = (await accepted(loop)).map((each) => each.item);
    assert.deepEqual(
      facts.map((each) => each?.category),
      ['Drama', 'Comedy', undefined],
    );
    const { type, tags, duration_ms, difficulty, created } = item('i', 'Drama');
    assert.deepEqual(facts[0], { type, category: 'Drama', tags, duration_ms, difficulty, created });
  });

  it('that nobody knows are accepted and counted by default', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW), event('b', NOW, { kind: 'search', item_id: null }));
    assert.deepEqual(
      (await accepted(loop)).map((each) => each.item),
      [null, null],
    );
    assert.deepEqual(loop.outcomes, { 'unknown-item': 1, 'unknown-user': 2, accepted: 2 });
  });

  it('that nobody knows are refused where that is declared, with the reason', async (t) => {
    const loop = await openLoop(t, {}, { unknownItem: 'refuse', unknownUser: 'refuse' });
    const u = { user_id: 'u', age: null, occupation: null, country: null, language: null, created: 0 };
    await loop.driver.pipe(loop.topics.users, ['u', { ...u, gender: 'unknown' }, 0]);
    await publishItems(loop, item('i'));
    await publish(
      loop,
      event('good', NOW),
      event('item', NOW, { item_id: 'j' }),
      event('user', NOW, { user_id: 'v' }),
      event('search', NOW, { kind: 'search', item_id: null }),
    );
    assert.deepEqual((await idsOf(loop)).sort(), ['good', 'search']);
    const reasons = (await loop.driver.readDeadLetters()).map(({ value }) => value?.reason).sort();
    assert.deepEqual(reasons, ['MR_EVENT_UNKNOWN_ITEM', 'MR_EVENT_UNKNOWN_USER']);
    assert.deepEqual(loop.outcomes, { accepted: 2, 'unknown-item': 1, 'unknown-user': 1 });
  });
});

describe('privacy', () => {
  const rowsOf = async ({ driver }: Awaited<ReturnType<typeof openLoop>>) => {
    const views = ['user-features', 'user-category-features', 'user-item-features'];
    const stores = await Promise.all(views.map((view) => driver.store(`user-views/${view}`)));
    return stores.flatMap((store) => [...store.keys()]).sort();
  };

  it('who opts out or is erased loses all rows, and what comes is counted, not dead-lettered', async (t) => {
    const loop = await openLoop(t);
    await publishItems(loop, item('i'));
    const at = NOW - 2 * HOUR_MS;
    const users = ['u', 'u2', 'v', 'w'];
    for (const user_id of users) {
      await publish(loop, event('a', at, { user_id }), event('b', at + HOUR_MS, { user_id }));
    }
    assert.equal((await rowsOf(loop)).length, 12);
    await decide(loop, 'u', 'opted_out');
    await decide(loop, 'v', 'erased');
    const left = ['u2', 'u2\u001fDrama', 'u2\u001fi', 'w', 'w\u001fDrama', 'w\u001fi'];
    assert.deepEqual(await rowsOf(loop), left);
    for (const user_id of users) await publish(loop, event('c', NOW, { user_id }));
    assert.deepEqual(await rowsOf(loop), left);
    assert.equal(loop.outcomes['opted-out'], 1);
    assert.equal(loop.outcomes.erased, 1);
    assert.deepEqual(await loop.driver.readDeadLetters(), []);
    const tombstones = (await loop.driver.read(loop.topics['user-item-features-1']))
      .filter(({ value }) => value === null)
      .map(({ key }) => key);
    assert.deepEqual(tombstones.sort(), ['u\u001fi', 'v\u001fi']);
    const remembered = await loop.driver.store('admission/recent');
    assert.deepEqual([...remembered.keys()].sort(), ['u', 'u2', 'w'], 'of the erased nothing is remembered');
  });

  it('who is erased stays so, whatever is decided afterwards, over a restart', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW - 2 * HOUR_MS));
    await decide(loop, 'u', 'erased');
    await decide(loop, 'u', 'opted_in');
    await publish(loop, event('b', NOW - HOUR_MS));
    await loop.driver.restart({ keepStores: true });
    await decide(loop, 'u', 'opted_out');
    await publish(loop, event('c', NOW));
    assert.deepEqual(await rowsOf(loop), []);
    assert.equal(loop.outcomes.erased, 2);
    assert.equal(loop.outcomes['opted-out'] ?? 0, 0);
  });

  it('who opts in again starts empty, over a restart', async (t) => {
    const loop = await openLoop(t);
    await publish(loop, event('a', NOW - 2 * HOUR_MS));
    await decide(loop, 'u', 'opted_out');
    await loop.driver.restart({ keepStores: false });
    await publish(loop, event('b', NOW - HOUR_MS));
    assert.deepEqual(await rowsOf(loop), []);
    await decide(loop, 'u', 'opted_in');
    await publish(loop, event('c', NOW));
    const rows = await loop.driver.store<{ pending: { event_id: string }[] }>('user-views/user-features');
    assert.deepEqual(
      rows.get('u')?.pending.map(({ event_id }) => event_id),
      ['c'],
    );
  });
});
