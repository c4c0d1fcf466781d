import { join } from 'node:path';
import { currentRecords } from '#engine';
import { INDEXES_DIRECTORY, localArtifacts } from '#models';
import { readRegistry } from '#offline';
import { versionInForce } from '#processors';
import type { IndexBuild } from '#schemas';
import { defaultTraining, type TrainerOptions } from '../trainer-options.ts';
import { type CronSchedule, parseCron } from '../triggers/cron.ts';

/** For how long an index is kept that nothing names, by a responder that may be reading it. */
const KEPT_MS = 3_600_000;

/** Says when the index of the version in force is due to be built: at its times, where vectors have come since the last one. */
export class IndexSchedule {
  readonly #options: TrainerOptions;
  readonly #schedule: CronSchedule | undefined;
  /** By version. */
  readonly #builds: Map<string, IndexBuild>;
  #passedMs: number;

  private constructor(options: TrainerOptions, builds: Map<string, IndexBuild>) {
    const { reindex } = options.training ?? defaultTraining;
    this.#options = options;
    this.#schedule = reindex === 'off' ? undefined : parseCron(reindex);
    this.#builds = builds;
    this.#passedMs = options.clock.now();
  }

  /** Errors: ConfigurationError MR_TRAINING_SCHEDULE. */
  static async open(options: TrainerOptions): Promise<IndexSchedule> {
    const builds = await currentRecords(options.log, options.topics.indexes, 'by-newest');
    return new IndexSchedule(
      options,
      new Map(Array.from(builds, ([version, { value }]) => [version, value])),
    );
  }

  async isDue(): Promise<boolean> {
    const now = this.#options.clock.now();
    const at = this.#schedule?.next(this.#passedMs);
    if (at === undefined || at > now) return false;
    this.#passedMs = now;
    const { log, topics } = this.#options;
    const inForce = versionInForce(await readRegistry(this.#options), 'retrieval')?.version;
    if (inForce === undefined) return false;
    const [vectors] = await log.describeTopics([topics['item-vectors'].name]);
    const { start = 0, stable = 0 } = vectors?.offsets[0] ?? {};
    return stable > Math.max(start, this.#builds.get(inForce)?.vectors_offset ?? 0);
  }

  built(build: IndexBuild): void {
    this.#builds.set(build.version, build);
  }
}

/** Removes the files of indexes that another has replaced, and of versions that nothing returns to. */
export async function removeOldIndexes(options: TrainerOptions): Promise<void> {
  const { log, topics, clock, dataDirectory } = options;
  const { promotions } = await readRegistry(options);
  const builds = [...(await currentRecords(log, topics.indexes, 'by-newest')).values()];
  const inUse = builds.filter(({ value }) => promotions.retrieval.includes(value.version));
  const kept = new Set(inUse.map(({ value }) => value.index));
  const store = localArtifacts(join(dataDirectory, INDEXES_DIRECTORY));
  for (const index of await store.list()) {
    const isOld = (await store.stat(index)).writtenMs < clock.now() - KEPT_MS;
    if (isOld && !kept.has(index)) await store.remove(index);
  }
}
