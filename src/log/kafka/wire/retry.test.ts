import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode } from '#platform';
import { ManualClock } from '#platform/testing';
import { Cluster } from './cluster.ts';
import { BrokerError } from './kafka-errors.ts';
import { parseKafkaUrl } from './kafka-options.ts';
import { retrying } from './retry.ts';

function unreached(clock: ManualClock): Cluster {
  return new Cluster(parseKafkaUrl('kafka://nowhere'), { clock, random: () => 0.5 });
}

/** Fails with each of the refusals in turn, then gives their number. */
function failing(...names: readonly string[]): () => Promise<number> {
  let calls = 0;
  return async () => {
    const name = names[calls++];
    if (name !== undefined) throw new BrokerError(name, 'test');
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
    retrying(unreached(clock), failing('NOT_COORDINATOR', 'NOT_COORDINATOR'), {
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
  const refused = retrying(unreached(clock), failing('ILLEGAL_GENERATION'));
  await assert.rejects(settle(clock, refused), (error) => error instanceof BrokerError);
});

test('a right that is missing is a matter of configuration', async () => {
  const clock = new ManualClock();
  const refused = retrying(unreached(clock), failing('TOPIC_AUTHORIZATION_FAILED'));
  await assert.rejects(settle(clock, refused), (error) => errorCode(error) === 'MR_KAFKA_FORBIDDEN');
});

test('it ends when time is up', async () => {
  const clock = new ManualClock();
  const names = Array.from({ length: 10_000 }, () => 'NOT_COORDINATOR');
  const tried = retrying(unreached(clock), failing(...names), { timeoutMs: 5_000 });
  await assert.rejects(settle(clock, tried), (error) => errorCode(error) === 'MR_LOG_UNAVAILABLE');
});

test('it ends when the client is closed', async () => {
  const clock = new ManualClock();
  const cluster = unreached(clock);
  const names = Array.from({ length: 10_000 }, () => 'NOT_COORDINATOR');
  const tried = retrying(cluster, failing(...names));
  await cluster.close();
  await assert.rejects(settle(clock, tried), (error) => errorCode(error) === 'MR_LOG_CLOSED');
});

test('what is over soon is tried again soon, without what the caller does in between', async (t) => {
  const clock = new ManualClock();
  const { mock } = t.mock.method(clock, 'sleep');
  const names = Array.from({ length: 7 }, () => 'CONCURRENT_TRANSACTIONS');
  const tried = retrying(unreached(clock), failing(...names), {
    isBrief: () => true,
    before: () => assert.fail('there is nothing to do'),
  });
  assert.equal(await settle(clock, tried), 8);
  assert.deepEqual(
    mock.calls.map(({ arguments: [ms] }) => ms),
    [1, 2, 4, 8, 16, 20, 20],
  );
});

test('it ends when its caller does', async () => {
  const clock = new ManualClock();
  const closing = new AbortController();
  const names = Array.from({ length: 10_000 }, () => 'NOT_COORDINATOR');
  const tried = retrying(unreached(clock), failing(...names), { signal: closing.signal });
  closing.abort();
  await assert.rejects(settle(clock, tried), (error) => errorCode(error) === 'MR_LOG_CLOSED');
});
