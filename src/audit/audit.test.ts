import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readableRecords } from '#engine';
import { FencedWriter, openSimulatedLog } from '#log';
import { InputError, systemClock } from '#platform';
import { ManualClock } from '#platform/testing';
import { openTopics } from '#topologies';
import { audited, auditRecord } from './audit.ts';

async function world() {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  const topics = await openTopics(log, log.registry);
  const events = async () => {
    const read = [];
    for await (const records of readableRecords(log, topics.audit)) read.push(...records);
    return read.map(({ key, value }) => ({ key, ...value }));
  };
  return { log, topics, clock: new ManualClock(7), events };
}

const act = { act: 'offsets set', actor: 'ann', subject: 'loop-4' };

it('an act is on the topic with how it ended, and its failure is passed on', async () => {
  const { events, ...environment } = await world();
  assert.equal(await audited(environment, { ...act, details: { offset: '3' } }, async () => 5), 5);
  const failing = async () => {
    throw new InputError('MR_TEST_REFUSED', 'no');
  };
  await assert.rejects(audited(environment, act, failing), { code: 'MR_TEST_REFUSED' });
  const both = { key: 'offsets set', ...act, ts: 7 };
  assert.deepEqual(await events(), [
    { ...both, details: { offset: '3' }, result: 'done', code: null },
    { ...both, details: {}, result: 'failed', code: 'MR_TEST_REFUSED' },
  ]);
});

it('a failure is passed on although the log is gone; a success that cannot be written is none', async () => {
  const { log, events: _, ...others } = await world();
  const environment = { log, ...others };
  await log.close();
  const failing = async () => {
    throw new InputError('MR_TEST_REFUSED', 'no');
  };
  await assert.rejects(audited(environment, act, failing), { code: 'MR_TEST_REFUSED' });
  await assert.rejects(
    audited(environment, act, async () => 1),
    { code: 'MR_LOG_CLOSED' },
  );
});

it('an event of a transaction is there with it', async () => {
  const { log, topics, events } = await world();
  const writer = await FencedWriter.open(log, 'test');
  await writer.write({ appends: [auditRecord(topics, act, 9)] });
  await writer.close();
  assert.deepEqual(await events(), [
    { key: 'offsets set', ...act, ts: 9, details: {}, result: 'done', code: null },
  ]);
});
