import type { Consumer } from '#log';
import { retrievalModelOf } from '#models';
import type { Run, RunPipeline, RunTrigger, Snapshot, Version } from '#schemas';
import type { TrainerOptions } from '../trainer-options.ts';
import { defaultPlan, defaultTraining } from '../trainer-options.ts';
import { type CronSchedule, parseCron } from './cron.ts';

/** A run that is due without being asked for. */
export type Due = {
  readonly pipeline: RunPipeline;
  readonly trigger: RunTrigger;
  /** The version that a refresh begins with. */
  readonly base?: Version;
};

/** After a run for which there was nothing complete. */
const RETRY_MS = 60_000;
/** How late a time of the schedule is still kept, by whoever was not there when it came. */
const LATENESS_MS = 3_600_000;

type Cron = { readonly pipeline: RunPipeline; readonly schedule: CronSchedule; readonly leastNew: number };

/**
 * Says which run is due: by a schedule, by the age of the last snapshot, by the number of examples since then. It counts
 * from what is on the log, so whoever holds the trainer's place goes on where the one before had come; a schedule's time
 * at which nothing is new passes.
 */
export class Triggers {
  readonly #options: TrainerOptions;
  readonly #crons: readonly Cron[];
  readonly #examples: ExampleCount | undefined;
  /** When the last snapshot was taken; of none, when the count began. */
  #lastSnapshotMs: number;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  /** Up to when the times of a schedule are done with. */
  readonly #passedMs = new Map<RunPipeline, number>();

  private constructor(
    options: TrainerOptions,
    crons: readonly Cron[],
    examples: ExampleCount | undefined,
    last: Snapshot | undefined,
  ) {
    this.#options = options;
    this.#crons = crons;
    this.#examples = examples;
    this.#lastSnapshotMs = last?.ts ?? options.clock.now();
  }

  /** `last` is the snapshot announced last. Errors: ConfigurationError MR_TRAINING_SCHEDULE. */
  static async open(
    options: TrainerOptions,
    runs: readonly Run[],
    last: Snapshot | undefined,
  ): Promise<Triggers> {
    const { training = defaultTraining, snapshots = defaultPlan, clock } = options;
    const crons = cronsOf(training);
    const counts = snapshots.everyExamples > 0 || crons.length > 0;
    const examples = counts ? await ExampleCount.open(options, last) : undefined;
    const triggers = new Triggers(options, crons, examples, last);
    for (const { pipeline } of crons) {
      const before = runs.findLast((run) => run.pipeline === pipeline)?.created ?? clock.now();
      triggers.#passedMs.set(pipeline, Math.max(before, clock.now() - LATENESS_MS));
    }
    return triggers;
  }

  /**
   * At most one. While a run is at work (`isBusy`) only times of schedules count: what goes by the last snapshot waits for
   * the one that the run may take. `inForce` gives the version that a refresh would begin with.
   */
  async due(isBusy: boolean, inForce: () => Promise<Version | undefined>): Promise<Due | undefined> {
    const { everyMs, everyExamples } = this.#options.snapshots ?? defaultPlan;
    const now = this.#options.clock.now();
    if (now < this.#notBeforeMs) return undefined;
    if (!isBusy && everyMs > 0 && now - this.#lastSnapshotMs >= everyMs) return byTime;
    const fresh = (await this.#examples?.count()) ?? 0;
    if (!isBusy && everyExamples > 0 && fresh >= everyExamples) return byCount;
    for (const { pipeline, schedule, leastNew } of this.#crons) {
      const at = schedule.next(this.#passedMs.get(pipeline) ?? now);
      if (at === undefined || at > now) continue;
      this.#passedMs.set(pipeline, now);
      if (fresh < leastNew) continue;
      if (pipeline !== 'refresh') return { pipeline, trigger: 'schedule' };
      const base = await inForce();
      if (base !== undefined && retrievalModelOf(base.candidate.model)?.refresh !== undefined) {
        return { pipeline, trigger: 'schedule', base };
      }
    }
    return undefined;
  }

  /** A snapshot was announced, by whomever. */
  async taken(snapshot: Snapshot): Promise<void> {
    this.#lastSnapshotMs = Math.max(this.#lastSnapshotMs, snapshot.ts);
    await this.#examples?.countFrom(snapshot);
  }

  /** There was nothing to take. */
  postpone(): void {
    this.#notBeforeMs = this.#options.clock.now() + RETRY_MS;
  }

  async close(): Promise<void> {
    await this.#examples?.close();
  }
}

const byTime: Due = { pipeline: 'training', trigger: 'schedule' };
const byCount: Due = { pipeline: 'training', trigger: 'count' };

function cronsOf({ schedule, refresh, refreshExamples }: typeof defaultTraining): Cron[] {
  const crons: Cron[] = [];
  // A full training that is due goes before a refresh, which it makes superfluous.
  if (schedule !== 'off') {
    crons.push({ pipeline: 'training', schedule: parseCron(schedule), leastNew: 1 });
  }
  if (refresh !== 'off') {
    crons.push({ pipeline: 'refresh', schedule: parseCron(refresh), leastNew: refreshExamples });
  }
  return crons;
}

/** Counts the examples that have come since a snapshot. */
class ExampleCount {
  readonly #source: Pick<TrainerOptions, 'log' | 'topics'>;
  readonly #consumer: Consumer;
  #new = 0;

  private constructor(source: Pick<TrainerOptions, 'log' | 'topics'>, consumer: Consumer) {
    this.#source = source;
    this.#consumer = consumer;
  }

  static async open(
    { log, topics }: Pick<TrainerOptions, 'log' | 'topics'>,
    last: Snapshot | undefined,
  ): Promise<ExampleCount> {
    const count = new ExampleCount({ log, topics }, await log.consumer());
    await count.countFrom(last);
    return count;
  }

  /** From where the snapshot had read; without one, from the start. */
  async countFrom(last: Snapshot | undefined): Promise<void> {
    const { name: topic } = this.#source.topics.examples;
    const [description] = await this.#source.log.describeTopics([topic]);
    this.#new = 0;
    this.#consumer.assign(
      (description?.offsets ?? []).map(({ start }, partition) => {
        const read = last?.offsets.find((range) => range.topic === topic && range.partition === partition);
        return { topic, partition, offset: Math.max(start, read?.end ?? start) };
      }),
    );
  }

  /** Heartbeats have no value. */
  async count(): Promise<number> {
    for (;;) {
      const batches = await this.#consumer.poll(0);
      if (batches.length === 0) return this.#new;
      for (const batch of batches) {
        for (let i = 0; i < batch.count; i++) if (batch.value(i) !== null) this.#new++;
      }
    }
  }

  async close(): Promise<void> {
    await this.#consumer.close();
  }
}
