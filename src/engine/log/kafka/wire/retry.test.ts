import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode } from '#platform';
import { ManualClock } from '#platform/testing';
import { Cluster } from './cluster.ts';
import { BrokerError } from './kafka-errors.ts';
import { parseKafkaUrl } from './kafka-options.ts';
import { retrying } from './retry.ts';

const NOT_COORDINATOR = 16;
const AUTHORIZATION_FAILED = 29;
const ILLEGAL_GENERATION = 22;

function unreached(clock: ManualClock): Cluster {
  return new Cluster(parseKafkaUrl('kafka://nowhere'), { clock, random: () => 0.5 });
}

/** Fails with each of the codes in turn, then gives their number. */
function failing(...codes: readonly number[]): () => Promise<number> {
  let calls = 0;
  return async () => {
    const code = codes[calls++];
    if (code !== undefined) throw new BrokerError(code, 'test');
    return calls;
  };
}

async function settle<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  settled.catch(() => {});
  while (!isSettled) {
    await new Promise(setImmediate);
    void clock.advance(100);
  }
  return settled;
}

test('what passes is tried again, after what the caller does in between', async () => {
  const clock = new ManualClock();
  const done: string[] = [];
  const calls = await settle(
    clock,
    retrying(unreached(clock), failing(NOT_COORDINATOR, NOT_COORDINATOR), {
      before: () => {
        done.push('forgotten');
      },
    }),
  );
  assert.equal(calls, 3);
  assert.deepEqual(done, ['forgotten', 'forgotten']);
});

test('a refusal is not tried again, and comes as it is', async () => {
  const clock = new ManualClock();
  const refused = retrying(unreached(clock), failing(ILLEGAL_GENERATION));
  await assert.rejects(settle(clock, refused), (error) => error instanceof BrokerError);
});

test('a right that is missing is a matter of configuration', async () => {
  const clock = new ManualClock();
  const refused = retrying(unreached(clock), failing(AUTHORIZATION_FAILED));
  await assert.rejects(settle(clock, refused), (error) => errorCode(error) === 'MR_KAFKA_FORBIDDEN');
});

test('it ends when time is up', async () => {
  const clock = new ManualClock();
  const codes = Array.from({ length: 10_000 }, () => NOT_COORDINATOR);
  const tried = retrying(unreached(clock), failing(...codes), { timeoutMs: 5_000 });
  await assert.rejects(settle(clock, tried), (error) => errorCode(error) === 'MR_LOG_UNAVAILABLE');
});

test('it ends when the client is closed', async () => {
  const clock = new ManualClock();
  const cluster = unreached(clock);
  const codes = Array.from({ length: 10_000 }, () => NOT_COORDINATOR);
  const tried = retrying(cluster, failing(...codes));
  await cluster.close();
  await assert.rejects(settle(clock, tried), (error) => errorCode(error) === 'MR_LOG_CLOSED');
});
