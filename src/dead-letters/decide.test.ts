import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { currentRecords, readableRecords, watermarkHeader } from '#engine';
import { openSimulatedLog } from '#log';
import { recordsIn } from '#log/testing';
import { armFailpoints, disarmFailpoints, systemClock } from '#platform';
import { headersOfLetter } from './letter-headers.ts';
import { letterNamed, lettersMatching } from './letters.ts';
import { type LettersWorld, lettersWorld } from './testing/letters-world.ts';

afterEach(() => disarmFailpoints());

async function opened() {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  return { ...(await lettersWorld(log, log.registry)), log };
}

async function audits({ log, topics }: LettersWorld): Promise<readonly string[]> {
  const read: string[] = [];
  for await (const records of readableRecords(log, topics.audit)) {
    for (const { value } of records)
      read.push(`${value?.actor} ${value?.act} ${value?.details.letters} ${value?.result}`);
  }
  return read;
}

async function ids(world: LettersWorld, filter: Parameters<typeof lettersMatching>[1]): Promise<number[]> {
  const found: number[] = [];
  for await (const letters of lettersMatching(world, filter)) found.push(...letters.map(({ id }) => id));
  return found;
}

describe('a retry', () => {
  it('appends the record to its own partition, with its time and headers, once', async () => {
    const world = await opened();
    const record = await world.append('input', 1, 'k', 'v', 77);
    await world.letter(record);
    const { decided } = await world.decide('retried');
    assert.deepEqual(decided, [{ id: 0, topic: 'input', partition: 1, offset: 0 }]);
    const again = await world.decide('retried');
    assert.deepEqual(again, { decided: [], earlier: [0], refused: [] });
    const [first, second, ...more] = await recordsIn(world.log, { topic: 'input', partition: 1 });
    assert.deepEqual(more, []);
    assert.deepEqual(second?.record, first?.record);
    assert.deepEqual(await world.values('input', 0), []);
    assert.deepEqual(await audits(world), ['ann dead-letters retry 0 done']);
    assert.equal((await letterNamed(world, 0)).outcome?.outcome, 'retried');
  });

  it('leaves the watermark behind that the record carried', async () => {
    const world = await opened();
    const producer = await world.log.producer();
    const headers = [watermarkHeader({ writer: 0, writers: 2, ms: 5 }), ['own', Buffer.from('1')]] as const;
    const record = { key: Buffer.from('k'), value: Buffer.from('v'), timestamp: 5, headers };
    await producer.append('input', 0, [record]);
    await producer.close();
    await world.letter({ ...record, topic: 'input', partition: 0, offset: 0 });
    await world.decide('retried');
    const [, retried] = await recordsIn(world.log, { topic: 'input', partition: 0 });
    assert.deepEqual(
      retried?.record.headers.map(([name]) => name),
      ['own'],
    );
  });

  it('of a record on which two operators have failed appends it once, and both letters are done', async () => {
    const world = await opened();
    const record = await world.append('input', 0, 'k', 'v');
    await world.letter(record, { operator: 'one' });
    await world.letter(record, { operator: 'two' });
    const { decided, earlier } = await world.decide('retried');
    assert.deepEqual([decided.map(({ id }) => id), earlier], [[0], [1]]);
    assert.deepEqual(await world.values('input', 0), ['v', 'v']);
  });

  it('takes the bytes of the letter where the log has another record there, or none', async () => {
    const world = await opened();
    const other = await world.append('input', 0, 'k', 'other');
    await world.letter({ ...other, value: Buffer.from('own') });
    await world.letter({ ...other, offset: 999 });
    await world.decide('retried');
    assert.deepEqual(await world.values('input', 0), ['other', 'own', 'other']);
  });

  it('takes a value that was too large for its letter from the log, and refuses where it is gone', async () => {
    const world = await opened();
    const record = await world.append('input', 0, 'k', 'large');
    await world.letter({ ...record, value: null });
    await world.letter({ ...record, offset: 999, value: null });
    const { decided, refused } = await world.decide('retried');
    assert.deepEqual(
      decided.map(({ id }) => id),
      [0],
    );
    assert.deepEqual(
      refused.map(({ id, error }) => [id, error.code]),
      [[1, 'MR_DEAD_LETTER_GONE']],
    );
    assert.deepEqual(await world.values('input', 0), ['large', 'large']);
  });

  it('refuses what has no record, what processors write, and what a newer row would be undone by', async () => {
    const world = await opened();
    const old = await world.append('table', 0, 'k', '1');
    await world.append('table', 0, 'k', '2');
    const derived = await world.append('input', 0, 'k', 'v');
    await world.letter({ ...old, topic: '', offset: -1 });
    await world.letter({ ...old, topic: 'movies.csv' });
    await world.letter(derived);
    await world.letter(old);
    const lone = await world.append('table', 0, 'l', '3');
    await world.letter(lone);
    const { decided, refused } = await world.decide('retried', { derived: new Set(['input']) });
    assert.deepEqual(
      refused.map(({ id, error }) => [id, error.code]),
      [
        [0, 'MR_DEAD_LETTER_NO_RECORD'],
        [1, 'MR_DEAD_LETTER_NO_RECORD'],
        [2, 'MR_DEAD_LETTER_DERIVED'],
        [3, 'MR_DEAD_LETTER_OUTDATED'],
      ],
    );
    assert.deepEqual(
      decided.map(({ id }) => id),
      [4],
    );
    assert.deepEqual(await world.values('table', 0), ['1', '2', '3', '3']);
    assert.deepEqual((await world.decide('dropped')).decided.length, 4, 'each can be dropped');
  });

  it('that fails at any step has appended all or nothing, and the next one completes it', async () => {
    for (const step of ['opened', 'commit.before', 'commit.after']) {
      const world = await opened();
      await world.many(250);
      armFailpoints(`dead-letters.${step}=fail@${step === 'opened' ? 1 : 2}`);
      await assert.rejects(world.decide('retried'), { code: 'MR_FAILPOINT' });
      disarmFailpoints();
      const { decided, earlier } = await world.decide('retried');
      const expected = { opened: 250, 'commit.before': 50, 'commit.after': 0 }[step];
      assert.deepEqual([decided.length, earlier.length], [expected, 250 - (expected ?? 0)]);
      const values = [...(await world.values('input', 0)), ...(await world.values('input', 1))];
      const counts = Map.groupBy(values, (value) => value);
      assert.equal(counts.size, 250);
      assert.ok(
        [...counts.values()].every(({ length }) => length === 2),
        step,
      );
    }
  });

  it('of two at once one is fenced, and each record is appended once', async () => {
    const world = await opened();
    await world.many(250);
    const both = await Promise.allSettled([world.decide('retried'), world.decide('retried')]);
    const failed = both.filter((each) => each.status === 'rejected');
    assert.ok(failed.length <= 1);
    for (const { reason } of failed)
      assert.equal((reason as { code: string }).code, 'MR_DEAD_LETTERS_FENCED');
    const values = [...(await world.values('input', 0)), ...(await world.values('input', 1))];
    assert.equal(values.length, 500);
  });
});

describe('letters', () => {
  it('are chosen by reason, topic, time and id', async () => {
    const world = await opened();
    const [one, two] = [await world.append('input', 0, 'a', '1'), await world.append('table', 0, 'b', '2')];
    await world.letter({ ...one, timestamp: 10 });
    await world.letter({ ...two, timestamp: 20 }, { reason: 'MR_AVRO_DECODE' });
    await world.letter({ ...two, timestamp: 30 });
    assert.deepEqual(await ids(world, {}), [0, 1, 2]);
    assert.deepEqual(await ids(world, { reason: 'MR_AVRO_DECODE' }), [1]);
    assert.deepEqual(await ids(world, { topic: 'table' }), [1, 2]);
    assert.deepEqual(await ids(world, { sinceMs: 20, untilMs: 30 }), [1]);
    assert.deepEqual(await ids(world, { ids: new Set([0, 2]), topic: 'table' }), [2]);
  });

  it('that nobody knows are refused before anything is written', async () => {
    const world = await opened();
    await world.letter(await world.append('input', 0, 'k', 'v'));
    const filter = { ids: new Set([0, 7]) };
    await assert.rejects(world.decide('retried', { filter }), { code: 'MR_DEAD_LETTER_UNKNOWN' });
    await assert.rejects(letterNamed(world, 7), { code: 'MR_DEAD_LETTER_UNKNOWN' });
    assert.deepEqual([await world.values('input', 0), await audits(world)], [['v'], []]);
  });

  it('that were dropped are left out, unless they are named', async () => {
    const world = await opened();
    await world.letter(await world.append('input', 0, 'k', 'v'));
    await world.decide('dropped');
    assert.deepEqual((await world.decide('retried')).earlier, [0]);
    assert.deepEqual(await world.values('input', 0), ['v']);
    const filter = { ids: new Set([0]) };
    assert.equal((await world.decide('retried', { filter })).decided.length, 1);
    assert.deepEqual((await world.decide('retried', { filter })).earlier, [0], 'and then no more');
    assert.deepEqual((await world.decide('dropped', { filter })).earlier, [0]);
    assert.deepEqual(await world.values('input', 0), ['v', 'v']);
    assert.deepEqual(await audits(world), ['ann dead-letters drop 0 done', 'ann dead-letters retry 0 done']);
  });

  it('have headers that can be read beside them', async () => {
    const world = await opened();
    await world.letter(await world.append('input', 0, 'k', 'v'));
    const headers = await headersOfLetter(world, await letterNamed(world, 0));
    assert.equal(headers.get('__streams.errors.exception'), 'TypeError');
    assert.equal(headers.get('__streams.errors.topic'), 'input');
  });

  it('that retention has removed leave no outcomes', async () => {
    const world = await opened();
    const { log, topics } = world;
    await world.letter(await world.append('input', 0, 'k', 'v'));
    await world.decide('dropped');
    await log.deleteTopics(['dead-letters']);
    await log.createTopics([topics['dead-letters']]);
    await world.decide('dropped');
    assert.equal((await currentRecords(log, topics['dead-letter-outcomes'], 'by-first')).size, 0);
  });
});
