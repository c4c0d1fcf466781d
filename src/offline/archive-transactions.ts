import { FencedWriter, type GroupOffsets, type ProducerRecord } from '#log';
import { type Clock, failpoint } from '#platform';
import type { ArchiveFile } from '#schemas';
import type { Topics } from '#topologies';
import type { FileBatch } from './file-batch.ts';
import { Manifest } from './manifest.ts';
import type { OfflineSource } from './reading.ts';

/** Every writer of the archive appends under this id, so that whoever came last fences those before. */
const TRANSACTIONAL_ID = 'archive';

/** The steps of a change of the archive at which a test can stop the program, in their order. */
export const ARCHIVE_FAILPOINTS = [
  'archive.file.written',
  'archive.file.placed',
  'archive.commit.before',
  'archive.commit.after',
  'archive.file.removed',
] as const;

/** What becomes of the archive at once. */
export type ArchiveChange = {
  /** Files to be placed and to count from now on. */
  readonly written?: FileBatch;
  /** Files whose rows are in `written`, or were taken out. */
  readonly replaced?: readonly ArchiveFile[];
  /** Files whose rows are past their retention. */
  readonly dropped?: readonly ArchiveFile[];
  /** Paths of replaced files that are gone from the disk. */
  readonly removed?: readonly string[];
  /** The archive's offsets. */
  readonly consumed?: GroupOffsets;
};

/**
 * The one way in which the archive changes: manifest events and the group's offsets in one transaction of the log. A
 * writer that was fenced meanwhile learns so by its next commit (MR_LOG_FENCED), and nothing of it becomes visible.
 */
export class ArchiveTransactions {
  /** As of the last commit. */
  readonly manifest: Manifest;
  readonly #topics: Topics;
  readonly #clock: Clock;
  readonly #writer: FencedWriter;

  private constructor(topics: Topics, clock: Clock, writer: FencedWriter, manifest: Manifest) {
    this.#topics = topics;
    this.#clock = clock;
    this.#writer = writer;
    this.manifest = manifest;
  }

  /** Fences every other writer, then reads the manifest that they have left. */
  static async open({
    log,
    topics,
    clock,
  }: OfflineSource & { readonly clock: Clock }): Promise<ArchiveTransactions> {
    const read = () => Manifest.read(log, topics['archive-files']);
    const [writer, manifest] = await FencedWriter.openAndRead(log, TRANSACTIONAL_ID, read);
    return new ArchiveTransactions(topics, clock, writer, manifest);
  }

  /** Resolves when the change is durable. */
  async commit({
    written,
    replaced = [],
    dropped = [],
    removed = [],
    consumed,
  }: ArchiveChange): Promise<void> {
    await written?.place();
    const ts = this.#clock.now();
    const events = [
      ...(written?.files ?? []).map((file) => ({ ...file, ts })),
      ...replaced.map((file) => ({ ...file, status: 'replaced' as const, ts })),
      ...dropped.map((file) => ({ ...file, status: 'dropped' as const, ts })),
    ];
    const { name, value } = this.#topics['archive-files'];
    const records: ProducerRecord[] = [
      ...events.map((file) => ({ key: Buffer.from(file.path), value: value.encode(file), timestamp: ts })),
      ...removed.map((path) => ({ key: Buffer.from(path), value: null, timestamp: ts })),
    ];
    failpoint('archive.commit.before');
    if (records.length > 0 || consumed !== undefined) {
      const appends = [{ topic: name, partition: 0, records }];
      await this.#writer.write({ appends, offsets: consumed === undefined ? [] : [consumed] });
    }
    for (const file of events) this.manifest.apply(file.path, file);
    for (const path of removed) this.manifest.apply(path, null);
    failpoint('archive.commit.after');
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }
}
