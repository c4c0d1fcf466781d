import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode } from '#platform';
import { ManualClock, testSeed } from '#platform/testing';
import { MAX_BATCH_BYTES } from '../../batch.ts';
import type { Producer, ProducerRecord } from '../../port.ts';
import { Append, type Place, parcels } from './gathered.ts';
import { openProducer } from './idempotent-producer.ts';
import { produceV11 } from './produce-request.ts';
import { Sender } from './sender.ts';
import { ModelCluster, type ModelFaults } from './testing/model-cluster.ts';

/** A small generator of numbers from 0 to 1 (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

type Call = {
  readonly partition: number;
  readonly values: readonly string[];
  result:
    | { readonly baseOffset: number; readonly nextOffset: number }
    | { readonly code: string | undefined }
    | undefined;
};

const record = (value: string): ProducerRecord => ({
  key: Buffer.from('k'),
  value: Buffer.from(value),
  timestamp: 1,
});

function sendingAtOnce(model: ModelCluster): Producer {
  const sender = new Sender(model.cluster, {
    purpose: 'produce',
    transactionalId: null,
    produce: produceV11,
    identity: { producerId: 0, epoch: 0 },
    newIdentity: () => assert.fail('no run is that long'),
  });
  return {
    async append(topic, partition, records) {
      const place = await new Promise<Place>((resolve, reject) => {
        const appends = [new Append(records, resolve, reject)];
        for (const parcel of parcels(appends, MAX_BATCH_BYTES))
          sender.send(sender.queue(topic, partition), parcel);
      });
      return { topic, partition, ...place };
    },
    close: () => sender.close(),
  };
}

/** Lets time pass until `work` has ended. */
async function finish<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  while (!isOver) await clock.advance(50);
  return work;
}

type Run = { readonly model: ModelCluster; readonly calls: readonly Call[]; readonly clock: ManualClock };

/** Appends of one to three records by one producer, while everything goes wrong. */
async function run(seed: number, faults: ModelFaults, appends = 60): Promise<Run> {
  const random = generator(seed);
  const isOld = seed % 3 === 0;
  const clock = new ManualClock(isOld ? Date.UTC(2030, 0) : 0);
  const model = new ModelCluster(clock, random, 3, faults, 700);
  model.forgets = isOld;
  // A producer gathers what is small; without one, several batches of a partition are on their way at once.
  const producer = seed % 2 === 0 ? await finish(clock, openProducer(model.cluster)) : sendingAtOnce(model);
  const calls: Call[] = [];
  const open: Promise<void>[] = [];
  for (let i = 0; i < appends; i++) {
    const partition = Math.floor(random() * 3);
    const kind = random() < 0.05 ? model.poison : random() < 0.05 ? 'x'.repeat(800) : 'value';
    const values = Array.from(
      { length: 1 + Math.floor(random() * 3) },
      (_, n) => `${n === 0 ? kind : 'value'} ${i}/${n}`,
    );
    const call: Call = { partition, values, result: undefined };
    calls.push(call);
    const appended = producer.append('model', partition, values.map(record));
    open.push(
      appended.then(
        ({ baseOffset, nextOffset }) => {
          call.result = { baseOffset, nextOffset };
        },
        (error: unknown) => {
          call.result = { code: errorCode(error) };
        },
      ),
    );
    if (random() < 0.5) await clock.advance(Math.floor(random() * 30));
  }
  await finish(clock, Promise.all(open));
  await finish(clock, producer.close());
  // What is still on its way in the model; the producer's own waits would last longer.
  await clock.advance(10_000);
  assert.equal(clock.sleeping, 0, 'nothing is left behind');
  return { model, calls, clock };
}

/** Every record at most once; an acknowledged append whole, at its offsets, behind those that were called before it. */
function check({ model, calls }: Run, seed: number): void {
  for (const [partition, { values }] of model.partitions.entries()) {
    const where = `seed ${seed}, partition ${partition}`;
    assert.equal(new Set(values).size, values.length, `${where}: a record is there twice`);
    const mine = calls.filter((call) => call.partition === partition);
    const order = new Map(mine.flatMap((call) => call.values).map((value, i) => [value, i]));
    const places = values.map((value) => order.get(value) ?? -1);
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
      `${where}: out of order`,
    );
    for (const { result, values: expected } of mine) {
      assert.ok(result !== undefined);
      if ('baseOffset' in result) {
        assert.deepEqual(values.slice(result.baseOffset, result.nextOffset), expected, where);
      } else if (expected.some((value) => value.startsWith(model.poison))) {
        assert.equal(result.code, 'MR_LOG_INVALID_RECORD', where);
        assert.deepEqual(
          values.filter((value) => expected.includes(value)),
          [],
          where,
        );
      } else if (expected.some((value) => value.length > 700)) {
        assert.equal(result.code, 'MR_RECORD_TOO_LARGE', where);
      } else {
        assert.fail(`${where}: ${expected} failed with ${result.code}`);
      }
    }
  }
}

test('whatever goes wrong on the way, every append is in the log once, in order and where it was said to be', async () => {
  const met = new Map<string, number>();
  // The first hundred meet everything that is expected below.
  const seeds = Array.from({ length: 120 }, (_, i) => (i < 100 ? i + 1 : 1_000 * testSeed + i));
  for (const seed of seeds) {
    const random = generator(seed);
    const often = () => (random() < 0.3 ? 0 : random() * 0.15);
    const faults = {
      breaking: often(),
      refusing: often(),
      disowning: often(),
      forgettingOffsets: 0.2,
      changing: often(),
    };
    const done = await run(seed, faults);
    check(done, seed);
    for (const [what, times] of done.model.met) met.set(what, (met.get(what) ?? 0) + times);
  }
  const expected = [
    'breaking',
    'refusing',
    'disowning',
    'moved',
    'restarted',
    'late copy',
    'duplicate',
    'described',
    'searched',
    'refused 45',
  ];
  assert.deepEqual(
    expected.filter((what) => !met.has(what)),
    [],
    'things that were to happen and did not',
  );
});

const calm: ModelFaults = { breaking: 0, refusing: 0, disowning: 0, forgettingOffsets: 0, changing: 0 };

const quiet = () => {
  const clock = new ManualClock();
  const model = new ModelCluster(clock, generator(1), 1, calm, 100_000);
  return { clock, model };
};

const append = (producer: Producer, value: string) => producer.append('model', 0, [record(value)]);

test('a broker that takes requests and does not answer loses its connection, and the batches go again', async () => {
  const { clock, model } = quiet();
  const producer = await finish(clock, openProducer(model.cluster));
  model.isSilent = true;
  const first = append(producer, 'a');
  await clock.advance(1000);
  assert.deepEqual(model.partitions[0]?.values, ['a'], 'it has arrived');
  model.isSilent = false;
  const second = append(producer, 'b');
  const appended = await finish(clock, Promise.all([first, second]));
  assert.deepEqual(
    appended.map(({ baseOffset }) => baseOffset),
    [0, 1],
  );
  assert.deepEqual(model.partitions[0]?.values, ['a', 'b']);
  await finish(clock, producer.close());
});

test('what a leader has appended and disowned is not written twice when it restarts and has forgotten the producer', async () => {
  const clock = new ManualClock(Date.UTC(2030, 0));
  const model = new ModelCluster(clock, generator(1), 1, { ...calm, disowning: 1 }, 100_000);
  model.forgets = true;
  const producer = await finish(clock, openProducer(model.cluster));
  const appended = append(producer, 'a');
  while (model.partitions[0]?.end === 0) await clock.advance(1);
  model.faults = calm;
  model.change();
  assert.equal((await finish(clock, appended)).baseOffset, 0);
  assert.deepEqual(model.partitions[0]?.values, ['a']);
  await finish(clock, producer.close());
});

test('an append is tried for two minutes, and no longer; what follows goes on without a gap', async () => {
  const { clock, model } = quiet();
  const producer = await finish(clock, openProducer(model.cluster));
  await finish(clock, append(producer, 'a'));
  model.faults = { ...calm, breaking: 1 };
  const started = clock.monotonic();
  const lost = append(producer, 'b');
  await assert.rejects(finish(clock, lost), (error) => errorCode(error) === 'MR_LOG_UNAVAILABLE');
  assert.ok(clock.monotonic() - started >= 120_000);
  model.faults = calm;
  const { baseOffset } = await finish(clock, append(producer, 'c'));
  const values = model.partitions[0]?.values ?? [];
  assert.equal(values[baseOffset], 'c');
  assert.deepEqual(
    values.filter((value) => value !== 'b'),
    ['a', 'c'],
  );
  await finish(clock, producer.close());
});

test('closing does not wait for longer than half a minute, and what is left is told so', async () => {
  const { clock, model } = quiet();
  const producer = await finish(clock, openProducer(model.cluster));
  model.faults = { ...calm, breaking: 1 };
  const lost = assert.rejects(append(producer, 'a'), (error) => errorCode(error) === 'MR_LOG_UNAVAILABLE');
  const started = clock.monotonic();
  await finish(clock, producer.close());
  assert.ok(clock.monotonic() - started < 40_000);
  await lost;
});

test('a topic that is gone is told from one that is only on its way', async () => {
  const { clock, model } = quiet();
  const producer = await finish(clock, openProducer(model.cluster));
  await finish(clock, append(producer, 'a'));
  model.isSilent = true;
  const brief = append(producer, 'b');
  await clock.advance(100);
  model.isSilent = false;
  model.hasTopic = false;
  // The connection breaks, and the batch meets a broker that does not know the topic yet.
  await clock.advance(42_000);
  model.hasTopic = true;
  assert.equal((await finish(clock, brief)).baseOffset, 1);
  model.isSilent = true;
  const gone = append(producer, 'c');
  await clock.advance(100);
  model.isSilent = false;
  model.hasTopic = false;
  const unknown = (error: unknown) => errorCode(error) === 'MR_LOG_UNKNOWN_TOPIC';
  await assert.rejects(finish(clock, gone), unknown);
  await assert.rejects(finish(clock, append(producer, 'd')), unknown);
  await finish(clock, producer.close());
});

test('without faults nothing is refused but what is wrong with a record', async () => {
  const done = await run(7, calm);
  check(done, 7);
  assert.equal(done.model.met.has('duplicate'), false);
});
