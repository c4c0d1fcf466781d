/** A topology of sums by key, and instances of it that answer queries over HTTP. */

import type { SimulatedLog } from '#log';
import { type Clock, createHttpServer, createLogger, createMetrics, systemClock } from '#platform';
import { deadLetterTopic } from '../../dead-letter-topic.ts';
import type { DatabaseProvider } from '../../store/port.ts';
import { StreamsRuntime } from '../../task/runtime.ts';
import type { RuntimeOptions } from '../../task/runtime-options.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import { localTasks } from '../local-tasks.ts';
import { httpPeers } from '../peers.ts';
import type { Position } from '../position.ts';
import { servePeers, serveQueries } from '../routes.ts';
import { StoreQueries } from '../store-queries.ts';

export const PARTITIONS = 4;
export const STORE = 'sum/state';

export const input = jsonTopic<number>('input', PARTITIONS);

export function sums() {
  const builder = new TopologyBuilder({ name: 'sums', generation: 1 });
  builder
    .source(input)
    .aggregate('sum', { initial: () => 0, add: (sum, { value }) => sum + value, value: json<number>() });
  return builder.build();
}

export type InstanceOptions = {
  readonly log: SimulatedLog;
  readonly databases: DatabaseProvider;
  readonly clock: Clock;
  readonly instanceId: string;
} & Partial<Omit<RuntimeOptions, 'log'>>;

export async function sumsRuntime(options: InstanceOptions): Promise<StreamsRuntime> {
  const deadLetters = await deadLetterTopic(options.log.registry);
  return new StreamsRuntime({
    topology: sums(),
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics: createMetrics(),
    deadLetters,
    commitIntervalMs: 10,
    batchRecords: 7,
    ...options,
  });
}

/** A process: runtime, queries and an HTTP server at a free port. */
export type Instance = {
  readonly runtime: StreamsRuntime;
  readonly queries: StoreQueries;
  readonly url: string;
  /** Commits, leaves the group, and goes on answering; `close` ends that too. */
  stop(): Promise<void>;
  close(): Promise<void>;
};

export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { instanceId } = options;
  const logger = createLogger({ level: 'silent', name: 'test' });
  const server = await createHttpServer({ logger, metrics: createMetrics() });
  let runtime: StreamsRuntime | undefined;
  const queries = new StoreQueries({
    topology: sums(),
    memberId: instanceId,
    local: localTasks(() => runtime),
    owners: () => runtime?.owners() ?? new Map(),
    peers: httpPeers({ clock: systemClock }),
    clock: systemClock,
    patienceMs: 500,
  });
  await serveQueries(server, queries);
  await servePeers(server, queries);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  runtime = await sumsRuntime({ ...options, endpoint: url });
  await runtime.start();
  const stopping = new AbortController();
  const running = runtime.run(stopping.signal);
  const stop = async () => {
    stopping.abort();
    await running;
  };
  return {
    runtime,
    queries,
    url,
    stop,
    close: async () => {
      await stop();
      await server.close();
    },
  };
}

export type Written = {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: number;
};

/** The input as it lies in the log. */
export async function readInput(log: SimulatedLog): Promise<Written[]> {
  const [described] = await log.describeTopics([input.name]);
  const ends = described?.offsets.map(({ stable }) => stable) ?? [];
  const consumer = await log.consumer();
  consumer.assign(ends.map((_, partition) => ({ topic: input.name, partition, offset: 0 })));
  const written: Written[] = [];
  const isAtEnd = (end: number, partition: number) =>
    (consumer.position({ topic: input.name, partition }) ?? 0) >= end;
  while (!ends.every(isAtEnd)) {
    for (const batch of await consumer.poll(10)) {
      for (let i = 0; i < batch.count; i++) {
        const { partition } = batch;
        const key = batch.key(i)?.toString() ?? '';
        written.push({ partition, offset: batch.offset(i), key, value: Number(batch.value(i)) });
      }
    }
  }
  await consumer.close();
  return written;
}

/** The sums that the input up to `position` makes, by key. */
export function sumsUpTo(written: readonly Written[], position: Position): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { partition, offset, key, value } of written) {
    const end = position[input.name]?.[partition] ?? 0;
    if (offset < end) sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return sums;
}
