/** A topology that counts by key, instances of it on a simulated log, and what must hold of its output. */

import assert from 'node:assert/strict';
import type { Log, SchemaRegistry, SimulatedLog } from '#log';
import { type Clock, createLogger, createMetrics, systemClock } from '#platform';
import type { ManualClock } from '#platform/testing';
import { deadLetterTopic } from '../../dead-letter-topic.ts';
import { type Serde, type Topic, textKey } from '../../serde.ts';
import { memoryDatabases } from '../../store/memory/memory-database.ts';
import type { DatabaseProvider } from '../../store/port.ts';
import { TopicReader } from '../../topic-reader.ts';
import { TopicWriter } from '../../topic-writer.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import type { Stream } from '../../topology/stream.ts';
import { StreamsRuntime } from '../runtime.ts';
import type { RuntimeOptions } from '../runtime-options.ts';

export const PARTITIONS = 6;
export const GROUP = 'sums-1';

const numbers: Serde<number> = {
  encode: (value) => Buffer.from(String(value)),
  decode: (bytes) => Number(bytes.toString()),
  prepare: async () => {},
  fingerprint: Buffer.from('number'),
  framing: 0,
};

export function topic(name: string): Topic<string, number> {
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  return { name, partitions: PARTITIONS, cleanup, key: textKey, value: numbers };
}

export const input = topic('input');
export const output = topic('output');

type Numbers = Stream<string, number>;

/** `check` is called with each record, and may throw; `before` is what the records pass on their way. */
export function sums(check: () => void = () => {}, before: (numbers: Numbers) => Numbers = (all) => all) {
  const builder = new TopologyBuilder({ name: 'sums', generation: 1 });
  const add = (sum: number, { value }: { value: number }) => {
    check();
    return sum + value;
  };
  before(builder.source(input))
    .aggregate('sum', { initial: () => 0, add, value: numbers })
    .to(output);
  return builder.build();
}

type Required = { readonly log: Log & { readonly registry: SchemaRegistry }; readonly clock: Clock };
export type SumsOptions = Partial<RuntimeOptions> & Required & { readonly instanceId: string };

export async function sumsOptions(options: SumsOptions): Promise<RuntimeOptions> {
  const deadLetters = await deadLetterTopic(options.log.registry);
  return {
    databases: memoryDatabases(),
    topology: sums(),
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics: createMetrics(),
    deadLetters,
    commitIntervalMs: 20,
    batchRecords: 10,
    ...options,
  };
}

export async function sumsRuntime(options: SumsOptions): Promise<StreamsRuntime> {
  return new StreamsRuntime(await sumsOptions(options));
}

/** An object that does some things otherwise, and the rest as it did. */
export function altered<T extends object>(target: T, otherwise: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      const own = Reflect.get(otherwise, name) as unknown;
      const value = own ?? (Reflect.get(target, name, target) as unknown);
      return typeof value === 'function' && own === undefined ? value.bind(target) : value;
    },
  });
}

export type Instance = {
  readonly runtime: StreamsRuntime;
  readonly stop: AbortController;
  readonly running: Promise<void>;
  failure(): unknown;
};

/** Starts a process and goes on at once. */
export async function launch(options: SumsOptions): Promise<Instance> {
  const runtime = await sumsRuntime(options);
  const stop = new AbortController();
  let failure: unknown;
  const running = runtime
    .start()
    .then(() => runtime.run(stop.signal))
    .catch((error: unknown) => {
      failure = error;
    });
  return { runtime, stop, running, failure: () => failure };
}

/** Moves a clock by hand until something has come about. */
export class Elapsing {
  readonly clock: ManualClock;

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  async until(isTrue: () => boolean): Promise<void> {
    for (let rounds = 0; !isTrue(); rounds++) {
      assert.ok(rounds < 20_000, 'it never came about');
      await this.clock.advance(5);
      // What waits for a disk takes time of the world outside, which these rounds alone leave none.
      if (rounds > 1_000) await systemClock.sleep(1);
    }
  }

  /** Waits for a promise that needs time to pass. */
  async of<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => {});
    await this.until(() => isSettled);
    return settled;
  }

  launch(log: SimulatedLog, instanceId: string, more: Partial<RuntimeOptions> = {}): Promise<Instance> {
    const databases: DatabaseProvider = memoryDatabases();
    return this.of(launch({ clock: this.clock, databases, ...more, log, instanceId }));
  }

  /** Stops it as a signal would. */
  async stop(instance: Instance): Promise<void> {
    instance.stop.abort();
    await this.of(instance.running);
    assert.equal(instance.failure(), undefined);
  }
}

export type SumOutput = readonly [key: string, sum: number];

const KEYS = 50;

/** Writes ones under fifty keys, and reads what comes out of them. */
export class Load {
  written = 0;
  readonly outputs: SumOutput[] = [];
  readonly #writer: TopicWriter<string, number>;
  readonly #reader: TopicReader<string, number>;

  private constructor(writer: TopicWriter<string, number>, reader: TopicReader<string, number>) {
    this.#writer = writer;
    this.#reader = reader;
  }

  static async open(log: Log): Promise<Load> {
    const specs = [input, output];
    await log.createTopics(specs);
    return new Load(
      await TopicWriter.open(log, input),
      await TopicReader.open(log, output, { from: 'start' }),
    );
  }

  async write(count: number): Promise<void> {
    const records = Array.from({ length: count }, (_, i) => {
      return { key: `k${(this.written + i) % KEYS}`, value: 1, timestamp: this.written + i };
    });
    this.written += count;
    await this.#writer.write(records);
  }

  async read(waitMs = 0): Promise<void> {
    for (const { key, value } of await this.#reader.poll(waitMs)) this.outputs.push([key, value ?? 0]);
  }

  /** `check` may throw when nothing more can come. */
  async readAll(check: () => void = () => {}): Promise<void> {
    while (this.#isShort()) {
      check();
      await this.read(10);
    }
    // What should not be there would come now.
    await this.read(50);
  }

  /** Whether some key has fewer outputs than records. What was counted twice says nothing of what is still to come. */
  #isShort(): boolean {
    if (this.outputs.length < this.written) return true;
    const counted = Map.groupBy(this.outputs, ([key]) => key);
    return [...this.#writtenByKey()].some(([key, written]) => (counted.get(key)?.length ?? 0) < written);
  }

  /** As far as anything is committed. */
  async readToEnd(): Promise<void> {
    do await this.read();
    while (!this.#reader.isAtEnd);
  }

  /** Each record counted, once, in order. */
  assertExact(outputs: readonly SumOutput[] = this.outputs): void {
    const byKey = Map.groupBy(outputs, ([key]) => key);
    for (const [key, written] of this.#writtenByKey()) {
      assert.deepEqual(
        (byKey.get(key) ?? []).map(([, sum]) => sum),
        Array.from({ length: written }, (_, i) => i + 1),
        `the sums of ${key}`,
      );
    }
    assert.equal(outputs.length, this.written);
  }

  /** Each record counted, once or more. */
  assertNothingLost(outputs: readonly SumOutput[] = this.outputs): void {
    const byKey = Map.groupBy(outputs, ([key]) => key);
    for (const [key, written] of this.#writtenByKey()) {
      const sums = (byKey.get(key) ?? []).map(([, sum]) => sum);
      assert.ok(
        sums.length >= written,
        `${key} was written ${written} times, and counted ${sums.length} times`,
      );
      assert.ok(Math.max(...sums) >= written, `the sum of ${key}`);
    }
  }

  *#writtenByKey(): Generator<readonly [key: string, count: number]> {
    for (let i = 0; i < Math.min(KEYS, this.written); i++)
      yield [`k${i}`, Math.ceil((this.written - i) / KEYS)];
  }

  async close(): Promise<void> {
    await this.#reader.close();
    await this.#writer.close();
  }
}
