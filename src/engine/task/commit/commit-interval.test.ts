import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSimulatedLog, type SimulatedLog } from '#log';
import { ManualClock } from '#platform/testing';
import { altered, Elapsing, Load } from '../testing/sums.ts';

const INTERVAL_MS = 100;

/** A runtime whose commits take `commitMs` at the log, on virtual time, and when each has begun. */
async function open(commitMs: number) {
  const clock = new ManualClock(1_000_000);
  const elapse = new Elapsing(clock);
  const log = openSimulatedLog({ clock, random: () => 0 });
  const begun: number[] = [];
  const slow: SimulatedLog = altered(log, {
    transactionalProducer: async (id) => {
      const producer = await log.transactionalProducer(id);
      const commit = async () => {
        begun.push(clock.monotonic());
        await clock.sleep(commitMs);
        return producer.commit();
      };
      return altered(producer, { commit });
    },
  });
  const load = await elapse.of(Load.open(log));
  const instance = await elapse.launch(slow, 'one', { commitIntervalMs: INTERVAL_MS, batchRecords: 1_000 });
  const writeFor = async (ms: number) => {
    for (const until = clock.monotonic() + ms; clock.monotonic() < until; ) {
      await elapse.of(load.write(20));
      await clock.advance(5);
    }
  };
  const close = async () => {
    await elapse.stop(instance);
    await elapse.of(load.close());
    await elapse.of(log.close());
  };
  return { clock, elapse, load, begun, writeFor, close };
}

it('what comes after a pause is committed soon, of all tasks together', async () => {
  const { clock, elapse, load, begun, close } = await open(0);
  await clock.advance(950);
  begun.length = 0;
  await elapse.of(load.write(50));
  await clock.advance(INTERVAL_MS / 5);
  await elapse.of(load.read());
  assert.equal(load.outputs.length, 50);
  assert.equal(begun.length, 1);
  await close();
});

const gaps = (times: readonly number[]) => times.slice(1).map((time, i) => time - (times[i] as number));

it('the interval counts from the beginning of a commit', async () => {
  const { begun, writeFor, close } = await open(INTERVAL_MS / 2);
  await writeFor(20 * INTERVAL_MS);
  for (const gap of gaps(begun).slice(1)) {
    assert.ok(gap >= INTERVAL_MS && gap < 1.2 * INTERVAL_MS, gaps(begun).join());
  }
  await close();
});

it('between two long commits lies a quarter of an interval', async () => {
  const { begun, writeFor, close } = await open(4 * INTERVAL_MS);
  await writeFor(40 * INTERVAL_MS);
  for (const gap of gaps(begun).slice(1)) {
    assert.ok(gap >= 4.25 * INTERVAL_MS && gap < 4.5 * INTERVAL_MS, gaps(begun).join());
  }
  await close();
});
