import type { TestContext } from 'node:test';
import { openSimulatedLog, type SimulatedLog } from '#log';
import { type Clock, createLogger, createMetrics, type Logger } from '#platform';
import { deadLetterTopic } from '../../dead-letter-topic.ts';
import type { Topic } from '../../serde.ts';
import { memoryDatabases } from '../../store/memory/memory-database.ts';
import type { Database, DatabaseProvider } from '../../store/port.ts';
import { StreamsRuntime } from '../../task/runtime.ts';
import type { RuntimeOptions } from '../../task/runtime-options.ts';
import { TopicWriter } from '../../topic-writer.ts';
import type { Topology } from '../../topology/topology.ts';

/** A log, local stores and wall time of their own, over which a test runs topologies and looks at what they left. */
export class World {
  readonly log: SimulatedLog;
  readonly databases: DatabaseProvider = memoryDatabases();
  readonly clock: Clock;
  readonly logger: Logger = createLogger({ level: 'silent', name: 'test' });
  wallNow = 1_000_000;

  private constructor() {
    this.clock = { now: () => this.wallNow, monotonic: () => this.wallNow, sleep: async () => {} };
    this.log = openSimulatedLog({ clock: this.clock, random: () => 0 });
  }

  // biome-ignore lint/suspicious/noExplicitAny: topics of any types.
  static async open(t: TestContext, topics: readonly Topic<any, any>[]): Promise<World> {
    const world = new World();
    t.after(() => world.log.close());
    await world.log.createTopics(topics);
    return world;
  }

  async start(topology: Topology, options: Partial<RuntimeOptions> = {}): Promise<StreamsRuntime> {
    const deadLetters = await deadLetterTopic(this.log.registry);
    await this.log.createTopics([deadLetters]);
    const runtime = new StreamsRuntime({
      log: this.log,
      topology,
      databases: this.databases,
      clock: this.clock,
      logger: this.logger,
      metrics: createMetrics(),
      deadLetters,
      instanceId: 'a',
      commitIntervalMs: 0,
      ...options,
    });
    try {
      await runtime.start();
    } catch (error) {
      await runtime.close();
      throw error;
    }
    return runtime;
  }

  /** Runs a topology until nothing is left to do; it leaves its group. */
  async settle(topology: Topology, options: Partial<RuntimeOptions> = {}): Promise<void> {
    const runtime = await this.start(topology, options);
    try {
      await caughtUp(runtime);
      await runtime.run(AbortSignal.abort());
    } finally {
      await runtime.close();
    }
  }

  async pipe<K, V>(
    topic: Topic<K, V>,
    ...records: readonly (readonly [key: K, value: V | null, timestamp: number])[]
  ): Promise<void> {
    const writer = await TopicWriter.open(this.log, topic);
    await writer.write(records.map(([key, value, timestamp]) => ({ key, value, timestamp })));
    await writer.close();
  }

  /** Changes a task's database behind the engine's back. */
  async meddle(task: string, change: (database: Database) => Promise<void>): Promise<void> {
    const database = await this.databases.open(task);
    await change(database);
    await database.close();
  }
}

export async function caughtUp(runtime: StreamsRuntime): Promise<void> {
  do await runtime.runOnce(0);
  while (!runtime.isCaughtUp);
}
