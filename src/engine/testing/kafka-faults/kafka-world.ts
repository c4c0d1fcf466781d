/** The counting topology's processes on Kafka, under a prefix of their own. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Log } from '#log';
import { invariant } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { KafkaServer, type SharedKafka, sharedRegistry } from '#servers';
import { type Load, output, PARTITIONS, type SumOutput } from '../../task/testing/sums.ts';
import type { SumsProcessOptions } from '../../task/threads/testing/sums-process.ts';
import { SumsWorld } from '../../task/threads/testing/sums-world.ts';

/** Behind everything in each partition of the output topic. */
const LAST = 'last';
/** Java's consumer ends by itself when nothing comes for so long. */
const JAVA_PATIENCE_MS = 60_000;

let worlds = 0;

export type KafkaWorldOptions = {
  /** Where the processes find the brokers and the registry, when it is not where the test does. */
  readonly seenAt?: { readonly brokers: string; readonly registry?: string };
  readonly defaults?: Partial<SumsProcessOptions>;
};

/** Where the log of a test is, with a prefix that no other test has. */
export async function placeOn(kafka: Pick<SharedKafka, 'url'>) {
  const registry = await sharedRegistry();
  invariant(registry !== undefined, 'there is a registry where there is a broker');
  const prefix = `faults-${process.pid}-${worlds++}.`;
  return { prefix, log: `${kafka.url}?prefix=${prefix}`, registry: `${registry.url}?prefix=${prefix}` };
}

export async function openOnKafka(
  t: TestContext,
  kafka: SharedKafka,
  { defaults = {}, seenAt }: KafkaWorldOptions = {},
): Promise<SumsWorld & { readonly prefix: string }> {
  const { prefix, ...own } = await placeOn(kafka);
  const theirs = seenAt && {
    log: `kafka://${seenAt.brokers}?prefix=${prefix}`,
    registry: seenAt.registry === undefined ? own.registry : `${seenAt.registry}?prefix=${prefix}`,
  };
  const world = await SumsWorld.open(
    t,
    { directory: temporaryDirectory(t), kafka: own },
    {
      defaults: { ...(theirs && { kafka: theirs }), ...defaults },
      readOutputs: () => readByJava(kafka, prefix, world),
      // A server of the test's own is gone by then.
      ...(!(kafka instanceof KafkaServer) && { cleanUp: deleteTopics }),
    },
  );
  return Object.assign(world, { prefix });
}

async function deleteTopics(log: Log): Promise<void> {
  await log.deleteTopics((await log.describeTopics()).map(({ name }) => name));
}

/**
 * What Java's consumer reads of the outputs with isolation read_committed: all of it, since it reads as many records as there
 * should be and finds with them the one that was put behind the last of each partition.
 */
async function readByJava(
  kafka: SharedKafka,
  prefix: string,
  { load, log }: { readonly load: Load; readonly log: SumsWorld['log'] },
): Promise<readonly SumOutput[]> {
  const writer = await log.producer();
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await writer.append(output.name, partition, [
      { key: Buffer.from(LAST), value: Buffer.from('0'), timestamp: 0 },
    ]);
  }
  await writer.close();
  const printed = await kafka.run('kafka-console-consumer', [
    ...['--topic', `${prefix}${output.name}`, '--from-beginning', '--isolation-level', 'read_committed'],
    ...['--timeout-ms', String(JAVA_PATIENCE_MS), '--max-messages', String(load.outputs.length + PARTITIONS)],
    ...['--property', 'print.key=true'],
  ]);
  const records = printed
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t') as [string, string]);
  assert.equal(records.filter(([key]) => key === LAST).length, PARTITIONS, 'there is nothing else');
  return records.filter(([key]) => key !== LAST).map(([key, sum]) => [key, Number(sum)] as const);
}
