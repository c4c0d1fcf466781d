import type { ActivePlace, MemberRole, Topic } from '#engine';
import { type AnyView, featureViews, versionedName } from '#features';
import type { Metrics, Progress, ProgressStep } from '#platform';
import type { OffsetRange } from '#schemas';
import { type ArchiveProgress, commitsOf, progressOf } from './archive-progress.ts';
import type { ArchiveEnvironment, ArchiveWriter } from './archive-writer.ts';
import {
  type ArchivedTable,
  type ArchivedValue,
  archivedTable,
  archivedTables,
  type Retention,
} from './archived-tables.ts';
import { compact, dropExpired, ROW_ORDER } from './compaction.ts';
import { dateText, dayOf, startOfDay } from './event-dates.ts';
import type { FileBatch } from './file-batch.ts';
import { closeDates, dropHistory, isBeyondReach } from './history/close-dates.ts';
import { type Cut, TopicIntake } from './topic-intake.ts';

export type ArchiveOptions = ArchiveEnvironment & {
  readonly metrics: Metrics;
  readonly progress?: Progress;
  /** This process's name among the archives: started again under it, it goes on at once. */
  readonly instanceId: string;
  /** Time after which what has come is written. */
  readonly flushMs: number;
  /** Records of a topic that are written without waiting for that time; about as many are held in memory. */
  readonly flushRecords: number;
  readonly retention: Retention;
  /** Readers that began before a file was replaced may read it for so long; ten minutes by default. */
  readonly replacedKeptMs?: number;
  /** Told when this process becomes the one that archives, or waits for another one. */
  readonly onRole?: (role: MemberRole) => void;
  /** Told why archiving has stalled, and undefined when it goes on. */
  readonly onStalled?: (error: Error | undefined) => void;
  /** Those whose history is kept; all of the product's by default. */
  readonly views?: readonly AnyView[];
};

/** How often an archive that has nothing to do looks for records. */
const IDLE_MS = 200;

const TEN_MINUTES_MS = 600_000;

type Source = { readonly table: ArchivedTable; readonly intake: TopicIntake<ArchivedValue> };

/** The archive's work for as long as it holds its place in the group and nobody fences it. */
export class ArchiveLoop {
  readonly #options: ArchiveOptions;
  readonly #place: ActivePlace;
  readonly #writer: ArchiveWriter;
  readonly #sources: readonly Source[];
  readonly #rows;
  readonly #watermarks = new Map<string, number>();
  /** Dropped files that are gone from the disk. */
  readonly #gone = new Set<string>();
  /** Views of which it was said that their history can't be kept. */
  readonly #unreachable = new Set<string>();

  private constructor(
    options: ArchiveOptions,
    place: ActivePlace,
    writer: ArchiveWriter,
    sources: readonly Source[],
  ) {
    this.#options = options;
    this.#place = place;
    this.#writer = writer;
    this.#sources = sources;
    const { metrics } = options;
    this.#rows = metrics.counter('archive_rows_total', 'Records written to the archive.', ['table']);
  }

  /** Removes what a crash has left, puts into an object store what it lacks, and goes on where the archive stands. */
  static async open(
    options: ArchiveOptions,
    place: ActivePlace,
    writer: ArchiveWriter,
  ): Promise<ArchiveLoop> {
    await writer.removeOrphans();
    await writer.publishMissing();
    const sources: Source[] = [];
    for (const table of archivedTables) {
      sources.push({ table, intake: await openIntake(options, table, writer.store.progress(table.topic)) });
    }
    return new ArchiveLoop(options, place, writer, sources);
  }

  /** Works until the place is lost. */
  async run(): Promise<void> {
    const { clock, flushMs } = this.#options;
    const { signal } = this.#place;
    let dueAt = clock.monotonic();
    while (!signal.aborted) {
      await this.#read();
      if (signal.aborted) return;
      if (this.#isFull || (clock.monotonic() >= dueAt && !this.#isIdle)) {
        await this.#flush();
        dueAt = clock.monotonic() + flushMs;
        if (!this.#isFull) await this.#keepUp();
      } else await clock.sleep(IDLE_MS, signal);
    }
  }

  /** Archives all that is readable at the call, and returns. */
  async catchUp(): Promise<void> {
    const step = await this.#startProgress();
    for (;;) {
      await this.#read();
      if (this.#place.signal.aborted) return;
      if (this.#isIdle) break;
      const count = await this.#flush();
      step?.advance(count);
    }
    step?.done();
    await this.#keepUp();
  }

  async close(): Promise<void> {
    for (const { intake } of this.#sources) await intake.close();
  }

  async #read(): Promise<void> {
    for (const { intake } of this.#sources) await intake.read(this.#place.signal);
  }

  get #isFull(): boolean {
    return this.#sources.some(({ intake }) => intake.isFull);
  }

  get #isIdle(): boolean {
    return this.#sources.every(({ intake }) => intake.isIdle);
  }

  /** Writes what was read, with the offsets that it reaches to, in one transaction. Returns the number of offsets. */
  async #flush(): Promise<number> {
    const written = this.#writer.batch();
    const cuts = this.#sources.map(({ table, intake }) => ({ table, cut: intake.cut() }));
    for (const { table, cut } of cuts) await this.#write(written, table, cut);
    const offsets = cuts.flatMap(({ table, cut }) => commitsOf(table.topic, cut.after));
    await this.#writer.transactions.commit({
      written,
      consumed: { group: this.#place.group(), offsets },
    });
    let count = 0;
    for (const { table, cut } of cuts) {
      this.#watermarks.set(table.table, cut.after.watermark);
      this.#rows.inc({ table: table.table }, cut.records.length);
      count += cut.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    }
    return count;
  }

  /** A file for each date. */
  async #write(batch: FileBatch, { table, topic, columns, schema }: ArchivedTable, cut: Cut<ArchivedValue>) {
    const { records } = cut;
    if (records.length === 0) return;
    const { database } = this.#writer;
    await database.run(`CREATE OR REPLACE TEMP TABLE cut (${columns.declaration})`);
    await database.appendRows('cut', columns.columns, records);
    const days = Map.groupBy(records, ({ value }) => dayOf(value.ts));
    for (const day of [...days.keys()].sort((a, b) => a - b)) {
      await batch.write(database, {
        table,
        date: dateText(day),
        offsets: rangesOf(topic, days.get(day) ?? []),
        schema,
        select: `SELECT * FROM cut WHERE ts >= ${startOfDay(day)} AND ts < ${startOfDay(day + 1)} ${ROW_ORDER}`,
      });
    }
    await database.run('DROP TABLE cut');
  }

  /** What is done between flushes: everything that can be done again at any time. */
  async #keepUp(): Promise<void> {
    const { retention } = this.#options;
    const { signal } = this.#place;
    await this.#keepHistory();
    for (const { table } of this.#sources) {
      const watermark = this.#watermark(table);
      if (signal.aborted) return;
      await compact(this.#writer, table, watermark, signal);
      await dropExpired(this.#writer, table, watermark, retention);
    }
    await this.#removeOld();
  }

  /** Before events are dropped that it is made of. */
  async #keepHistory(): Promise<void> {
    const { views = featureViews, retention } = this.#options;
    const watermark = this.#watermark(archivedTable('events'));
    await closeDates(this.#writer, views, watermark, this.#place.signal);
    for (const view of views) {
      await dropHistory(this.#writer, view, watermark - retention.featuresMs);
      if (isBeyondReach(this.#writer.store, view)) this.#warnOf(view);
    }
  }

  #warnOf(view: AnyView): void {
    const name = versionedName(view);
    if (this.#unreachable.has(name)) return;
    this.#unreachable.add(name);
    this.#options.logger.warn(
      { view: name },
      "events from which a view's history would start are dropped; the history is not kept",
    );
  }

  /** The watermark of what is written to the archive, not of what was read. */
  #watermark({ table, topic }: ArchivedTable): number {
    return this.#watermarks.get(table) ?? this.#writer.store.progress(topic).watermark;
  }

  async #removeOld(): Promise<void> {
    const { manifest } = this.#writer.transactions;
    const { clock, replacedKeptMs = TEN_MINUTES_MS } = this.#options;
    const isOld = ({ ts }: { readonly ts: number }) => ts <= clock.now() - replacedKeptMs;
    await this.#writer.remove(manifest.with('replaced').filter(isOld));
    const dropped = manifest.with('dropped').filter((file) => isOld(file) && !this.#gone.has(file.path));
    await this.#writer.unlink(dropped);
    for (const { path } of dropped) this.#gone.add(path);
  }

  async #startProgress(): Promise<ProgressStep | undefined> {
    const { log, topics, progress } = this.#options;
    const descriptions = await log.describeTopics(archivedTables.map(({ topic }) => topics[topic].name));
    let total = 0;
    for (const { name, offsets } of descriptions) {
      const table = archivedTables.find(({ topic }) => topic === name) as ArchivedTable;
      const at = this.#writer.store.progress(table.topic).offsets;
      offsets.forEach(({ start, stable }, partition) => {
        total += Math.max(0, stable - (at[partition] ?? start));
      });
    }
    return total === 0 ? undefined : progress?.start('Archiving', total);
  }
}

/** From the first to the last record in each partition. */
function rangesOf(
  topic: string,
  records: readonly { readonly partition: number; readonly offset: number }[],
): OffsetRange[] {
  const ranges: OffsetRange[] = [];
  for (const [partition, list] of Map.groupBy(records, (record) => record.partition)) {
    const first = list[0]?.offset ?? 0;
    ranges.push({ topic, partition, start: first, end: (list.at(-1)?.offset ?? first) + 1 });
  }
  return ranges.sort((a, b) => a.partition - b.partition);
}

async function openIntake(
  options: ArchiveOptions,
  table: ArchivedTable,
  progress: ArchiveProgress,
): Promise<TopicIntake<ArchivedValue>> {
  const { log, logger, metrics, topics, flushRecords } = options;
  const topic = topics[table.topic] as Topic<string, ArchivedValue>;
  const [description] = await log.describeTopics([topic.name]);
  const starts = (description?.offsets ?? []).map(({ start }) => start);
  const lost = metrics.counter('archive_lost_total', 'Records that could not be archived, by reason.', [
    'table',
    'reason',
  ]);
  const offsets = starts.map((start, partition) => {
    const at = progress.offsets[partition] ?? start;
    if (at >= start) return at;
    lost.inc({ table: table.table, reason: 'retention' }, start - at);
    logger.error(
      { topic: topic.name, partition, from: at, to: start },
      'the log dropped records before they were archived',
    );
    return start;
  });
  const begins = offsets.map((offset, partition) =>
    offset > (progress.offsets[partition] ?? offset) ? offset : (progress.begins[partition] ?? offset),
  );
  return TopicIntake.open({
    log,
    logger,
    topic,
    from: progressOf(offsets, begins, progress.watermarks),
    partitionRecords: Math.max(1, Math.floor(flushRecords / topic.partitions)),
    onUndecodable: () => lost.inc({ table: table.table, reason: 'undecodable' }),
  });
}
