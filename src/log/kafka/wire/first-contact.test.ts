import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, errorCode, systemClock } from '#platform';
import { Cluster } from './cluster.ts';
import { checkVersions, firstContact } from './first-contact.ts';
import { parseKafkaUrl } from './kafka-options.ts';

/** Time runs a hundred times as fast. */
const fast: Clock = {
  now: () => systemClock.now(),
  monotonic: () => 100 * systemClock.monotonic(),
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
};

const contact = async (url: string) => {
  const cluster = new Cluster(parseKafkaUrl(url), { clock: fast, random: Math.random });
  try {
    await firstContact(cluster);
  } finally {
    await cluster.close();
  }
};

test('brokers that are not there are waited for, and named', async () => {
  await assert.rejects(contact('kafka://127.0.0.1:1,127.0.0.1:2'), (error) => {
    assert.equal(errorCode(error), 'MR_LOG_UNAVAILABLE');
    assert.match(
      String(error),
      /no broker at 127\.0\.0\.1:1, 127\.0\.0\.1:2 responded within 30 s: connect ECONNREFUSED/,
    );
    return true;
  });
});

test('brokers that are too old are refused', () => {
  checkVersions([{ apiKey: 1, maxVersion: 16 }]);
  for (const apis of [[], [{ apiKey: 1, maxVersion: 15 }]]) {
    assert.throws(
      () => checkVersions(apis),
      (error) => errorCode(error) === 'MR_KAFKA_VERSION',
    );
  }
});
