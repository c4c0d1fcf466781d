/** What a running task needs has gone from the brokers: it stops, and says what is missing. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { errorCode, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { kafkaServer, type SharedKafka } from '#servers';
import { journalTopic } from '../../task/commit/journal.ts';
import { GROUP, input, Load, launch, output, sums, sumsRuntime } from '../../task/testing/sums.ts';
import { openSumsLog } from '../../task/threads/testing/sums-log.ts';
import { placeOn } from './kafka-world.ts';

const limit = { timeout: 300_000 };
const topology = sums();
const changelog = topology.subTopologies[0]?.stores[0]?.changelog ?? '';

async function open(t: TestContext, kafka: SharedKafka) {
  const { prefix, ...place } = await placeOn(kafka);
  const directory = temporaryDirectory(t);
  const { log, close } = await openSumsLog({ directory, kafka: place });
  const load = await Load.open(log);
  t.after(async () => {
    await load.close();
    await log.deleteTopics((await log.describeTopics()).map(({ name }) => name));
    await close();
  });
  const options = { log, clock: systemClock, instanceId: 'one', topology } as const;
  return { log, load, options, prefix, directory };
}

describe('a topic deleted under a running task stops it', { ...limit, concurrency: true }, () => {
  for (const gone of [input.name, output.name, changelog, journalTopic(topology).name]) {
    it(gone, limit, async (t) => {
      const kafka = await kafkaServer(t);
      if (kafka === undefined) return;
      const { log, load, options } = await open(t, kafka);
      const instance = await launch(options);
      await load.write(200);
      await load.readAll();
      await log.deleteTopics([gone]);
      if (gone !== input.name) await load.write(200);
      await instance.running;
      const error = instance.failure();
      assert.equal(errorCode(error), 'MR_LOG_UNKNOWN_TOPIC', String(error));
      assert.equal((error as Error).message, `there is no topic ${gone}`);
    });
  }
});

describe('records that retention has taken', limit, () => {
  it('are missed before they are passed over, and named', limit, async (t) => {
    const kafka = await kafkaServer(t);
    if (kafka === undefined) return;
    const { log, load, options, prefix, directory } = await open(t, kafka);
    const place = { topic: input.name, partition: 0 };
    const deleteBefore = async (offset: number) => {
      const file = join(directory, 'delete.json');
      const partitions = [{ topic: prefix + place.topic, partition: place.partition, offset }];
      writeFileSync(file, JSON.stringify({ version: 1, partitions }));
      await kafka.run('kafka-delete-records', ['--offset-json-file', file]);
    };
    const committed = async () => (await log.committedOffsets(GROUP, [place]))[0]?.offset ?? 0;
    const end = async () => (await log.describeTopics([input.name]))[0]?.offsets[0]?.end ?? 0;

    await load.write(600);
    const first = await sumsRuntime(options);
    await first.start();
    await first.runUntilCaughtUp();
    const position = await committed();
    assert.ok(position > 10);
    // What has been processed nobody needs.
    await deleteBefore(position - 1);
    await load.write(600);
    await first.runUntilCaughtUp();
    const later = await committed();
    assert.ok(later > position);

    await first.leave();
    await first.close();
    await load.write(600);
    await deleteBefore(later + 1);
    const second = await sumsRuntime(options);
    await assert.rejects(
      async () => {
        await second.start();
        await second.run(new AbortController().signal);
      },
      {
        code: 'MR_LOG_OFFSET_OUT_OF_RANGE',
        message: `offset ${later} of input/0 is outside the log, which holds ${later + 1} to ${await end()}`,
      },
    );
    await second.close();
    assert.equal(await committed(), later, 'nothing was passed over');
  });
});
