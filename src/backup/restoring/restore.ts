import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StateRow } from '#log';
import { FatalError, failpoint, fileProblem, namingFullDisk } from '#platform';
import { topics } from '#schemas';
import type { ObjectStore } from '#storage';
import { Chain, missingIn, type Point, pointsUpTo } from '../chain.ts';
import { isDamage } from '../damage.ts';
import { openSealing } from '../description.ts';
import { entriesOf, isRestart } from '../log-entries.ts';
import type { FileState, Manifest } from '../manifest.ts';
import { Objects } from '../objects.ts';
import { CONFIGURATION_FOLDER, DATA_FOLDER, RESTORED_CONFIGURATION } from '../shipping/file-shipping.ts';
import { BackupState } from '../state.ts';
import { type LaterDecision, LogRestoring, recordsOf } from './restore-log.ts';
import { RestoreTarget } from './target.ts';

export type RestoreOptions = {
  readonly store: ObjectStore;
  readonly passphrase: string | undefined;
  /** The newest point at or before this time is restored; ms. */
  readonly at: number;
  /** Is not there, or empty. */
  readonly dataDirectory: string;
  /** The topic of what users have decided: what they decided later holds, too. */
  readonly decisionsTopic: string;
  readonly signal: AbortSignal;
  readonly onProgress?: (bytes: number, total: number) => void;
};

export type Restored = {
  /** Everything acknowledged before is there; ms. */
  readonly at: number;
  readonly records: number;
  readonly files: number;
  /** Users with a key. */
  readonly users: number;
  /** Users who were erased later, whose keys were left out. */
  readonly forgotten: number;
  /** Decisions of users that were made later. */
  readonly decisions: number;
  /** What is wrong with later objects: erasures and decisions in those are not known. */
  readonly unread: readonly string[];
};

/**
 * Makes a data directory as it was at a time, and compares what lies on disk with what the backup says before it gets its
 * name. Cut off at any step it leaves nothing under that name, and is begun again.
 *
 * Errors: MR_RESTORE_OCCUPIED, MR_RESTORE_UNEQUAL, MR_BACKUP_EMPTY, MR_BACKUP_TIME, MR_BACKUP_DAMAGED, MR_BACKUP_KEY,
 * MR_BACKUP_NEWER, MR_DISK_FULL.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { store, passphrase, at, dataDirectory } = options;
  const objects = new Objects(store, await openSealing(store, passphrase));
  const chain = new Chain(objects);
  const points = await chain.points();
  const chosen = pointsUpTo(points, at, store.name);
  const later = points.slice(points.indexOf(chosen.at(-1) as Point) + 1);
  const target = await RestoreTarget.open(dataDirectory);
  try {
    failpoint('restore.begun');
    const restored = await new Restoring(options, objects, target.path).restore(chain, chosen, later);
    await target.publish();
    failpoint('restore.done');
    return restored;
  } catch (error) {
    await target.abandon();
    throw namingFullDisk(error, dirname(target.path));
  }
}

class Restoring {
  readonly #options: RestoreOptions;
  readonly #objects: Objects;
  readonly #directory: string;
  readonly #state = new BackupState();
  #done = 0;
  #total = 0;

  constructor(options: RestoreOptions, objects: Objects, directory: string) {
    this.#options = options;
    this.#objects = objects;
    this.#directory = directory;
  }

  async restore(chain: Chain, chosen: readonly Point[], later: readonly Point[]): Promise<Restored> {
    const { decisionsTopic, signal } = this.#options;
    const manifests: Manifest[] = [];
    for await (const { manifest } of chain.read(chosen)) {
      this.#state.add(manifest);
      manifests.push(manifest);
    }
    const files = [...this.#state.files.values()];
    this.#total =
      sum(manifests.flatMap(({ log }) => log.objects)) + sum(files.flatMap(({ pieces }) => pieces));
    const after = await this.#later(chain, chosen.at(-1) as Point, later);
    for (const file of files) {
      await this.#restoreFile(file);
      failpoint('restore.file');
    }
    const log = new LogRestoring(this.#directory, this.#state, decisionsTopic);
    let finished: ReturnType<LogRestoring['finish']>;
    try {
      for (const manifest of manifests) {
        signal.throwIfAborted();
        await log.add(manifest, this.#objects);
        this.#advance(sum(manifest.log.objects));
      }
      finished = log.finish(after.decisions);
    } finally {
      log.abandon();
    }
    failpoint('restore.log');
    const records = await log.verify(signal);
    failpoint('restore.verified');
    const { unread } = after;
    return { at: this.#state.at, records, files: files.length, ...finished, unread };
  }

  /**
   * What was decided after the restored time, by users and about them, in any generation. Later objects that are damaged
   * do not keep an earlier point from being restored; which they are is said.
   */
  async #later(chain: Chain, last: Point, points: readonly Point[]) {
    const decisions: LaterDecision[] = [];
    const state = this.#state.copy();
    const unread: string[] = [];
    const missing = missingIn([last, ...points]);
    if (missing !== undefined) unread.push(missing.message);
    for (const point of points) {
      this.#options.signal.throwIfAborted();
      try {
        for await (const { manifest } of chain.read([point])) {
          state.add(manifest);
          decisions.push(...(await this.#decisionsIn(manifest, state)));
        }
      } catch (error) {
        if (!isDamage(error)) throw error;
        unread.push(error.message);
      }
    }
    decisions.sort((a, b) => a.record.timestamp - b.record.timestamp);
    return { decisions, unread };
  }

  async #decisionsIn({ log }: Manifest, state: BackupState): Promise<readonly LaterDecision[]> {
    const decisions: LaterDecision[] = [];
    for (const ref of log.decisions) {
      for (const entry of entriesOf(await this.#objects.read(ref))) {
        const at = state.partitions.get(entry.partitionId);
        if (at === undefined || isRestart(entry)) continue;
        const records = recordsOf(at, entry).filter(({ value }) =>
          at.topic === topics.vault.name ? value === null : this.#knowsSchema(value, state),
        );
        decisions.push(...records.map((record) => ({ topic: at.topic, partition: at.partition, record })));
      }
    }
    return decisions;
  }

  /** The schema of a value that was registered after the restored time is restored with it. */
  #knowsSchema(value: Buffer | null, later: BackupState): boolean {
    if (value === null || value.length < 5 || value[0] !== 0) return true;
    const key = JSON.stringify([value.readUInt32BE(1)]);
    const [known, written] = [this.#state, later].map((state) => state.table('schemas').get(key));
    if (written === undefined) return false;
    if (known === undefined) this.#state.table('schemas').set(key, written as StateRow);
    return known === undefined || known[1] === written[1];
  }

  async #restoreFile({ path, bytes, sha256, pieces }: FileState): Promise<void> {
    const to = join(this.#directory, pathOf(path));
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    const file = await open(to, 'wx', 0o600);
    const hash = createHash('sha256');
    try {
      for (const piece of pieces) {
        this.#options.signal.throwIfAborted();
        const content = await this.#objects.read(piece);
        hash.update(content);
        await file.writeFile(content);
        this.#advance(piece.bytes);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    const problem =
      hash.digest('hex') === sha256 ? await fileProblem(to, { sha256, bytes }) : 'was not put together';
    if (problem === undefined) return;
    throw new FatalError('MR_RESTORE_UNEQUAL', `The restored file ${path} ${problem}.`, {
      hint: 'Restore once more; if it persists, check the disk.',
    });
  }

  #advance(bytes: number): void {
    this.#done += bytes;
    this.#options.onProgress?.(this.#done, this.#total);
  }
}

const sum = (refs: readonly { readonly bytes: number }[]) => refs.reduce((all, { bytes }) => all + bytes, 0);

/** Where a file goes in the data directory. */
function pathOf(path: string): string {
  return path.startsWith(CONFIGURATION_FOLDER)
    ? join(RESTORED_CONFIGURATION, path.slice(CONFIGURATION_FOLDER.length))
    : path.slice(DATA_FOLDER.length);
}
