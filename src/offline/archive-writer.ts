import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type Clock,
  failpoint,
  fileProblem,
  ifThere,
  type Logger,
  PARTIAL_PREFIX,
  removePartial,
  sync,
} from '#platform';
import type { ArchiveFile } from '#schemas';
import type { PublishedFile } from '#storage';
import { readProgress } from './archive-progress.ts';
import { ArchiveTransactions } from './archive-transactions.ts';
import { type AnalyticDatabase, withDuckDb } from './duckdb.ts';
import { FileBatch, OFFLINE_DIRECTORY } from './file-batch.ts';
import { type OfflineSource, OfflineStore } from './reading.ts';

export type ArchiveEnvironment = OfflineSource & { readonly clock: Clock; readonly logger: Logger };

/** What a change of the archive is made with. */
export class ArchiveWriter {
  readonly environment: ArchiveEnvironment;
  readonly transactions: ArchiveTransactions;
  readonly database: AnalyticDatabase;
  /** The archive as it is after the last commit. */
  readonly store: OfflineStore;
  readonly #aside: string;
  readonly #found: Found;

  private constructor(
    environment: ArchiveEnvironment,
    transactions: ArchiveTransactions,
    database: AnalyticDatabase,
    store: OfflineStore,
    aside: string,
    found: Found,
  ) {
    this.environment = environment;
    this.transactions = transactions;
    this.database = database;
    this.store = store;
    this.#aside = aside;
    this.#found = found;
  }

  /**
   * Fences every other writer and calls `work`. `purpose` names the folder in which files are written aside: of one
   * purpose there is one writer for a data directory at a time. Rejects with the reason of `signal` where that cuts the work
   * short; what was written by then is removed.
   */
  static async with<T>(
    environment: ArchiveEnvironment,
    purpose: string,
    work: (writer: ArchiveWriter) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const { log, topics, dataDirectory, files } = environment;
    const parent = join(dataDirectory, OFFLINE_DIRECTORY);
    await mkdir(parent, { recursive: true });
    const prefix = `${PARTIAL_PREFIX}${purpose}-`;
    await removePartial(parent, prefix);
    const found = {
      here: await placedFiles(dataDirectory),
      stored: (await files?.publishedFiles(OFFLINE_DIRECTORY)) ?? [],
    };
    const aside = await mkdtemp(join(parent, prefix));
    try {
      const transactions = await ArchiveTransactions.open(environment);
      try {
        const store = new OfflineStore(environment, transactions.manifest, await readProgress(log, topics));
        return await withDuckDb(
          join(aside, 'work'),
          (database) => work(new ArchiveWriter(environment, transactions, database, store, aside, found)),
          signal,
        );
      } finally {
        await transactions.close();
      }
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  }

  /** Puts files that are here and count into the object store, where it lacks them: those of before there was one. */
  async publishMissing(): Promise<void> {
    const { files: shared } = this.environment;
    const stored = new Set(this.#found.stored.map(({ path, sha256 }) => `${path} ${sha256}`));
    for (const file of this.transactions.manifest.with('written')) {
      if (shared === undefined || stored.has(`${file.path} ${file.sha256}`)) continue;
      if ((await fileProblem(this.store.path(file), file)) === undefined)
        await shared.publishFile(file.path, file);
    }
  }

  batch(): FileBatch {
    return new FileBatch(this.environment, this.#aside);
  }

  /** Removes replaced files, and from the manifest what it knew of them. */
  async remove(files: readonly ArchiveFile[]): Promise<void> {
    if (files.length === 0) return;
    await this.unlink(files);
    await this.transactions.commit({ removed: files.map(({ path }) => path) });
  }

  /** Removes files from the disk, and from the object store, where they still are. */
  async unlink(files: readonly ArchiveFile[]): Promise<void> {
    const folders = new Set<string>();
    for (const file of files) {
      const path = this.store.path(file);
      const { files: shared } = this.environment;
      if ((await inodeOf(path)) === undefined && shared === undefined) continue;
      failpoint('archive.file.removed');
      await shared?.removeFile(file.path);
      await rm(path, { force: true });
      folders.add(dirname(path));
    }
    for (const folder of folders) await ifThere(sync(folder));
  }

  /**
   * Removes what crashed writers have placed and no manifest event names. Only files that were there before the manifest
   * was read: one that has come since may be a later writer's, and be named by now.
   */
  async removeOrphans(): Promise<void> {
    const { dataDirectory, logger, files } = this.environment;
    for (const { path, inode } of this.#found.here) {
      const place = join(dataDirectory, path);
      if (this.transactions.manifest.file(path) !== undefined) continue;
      if ((await inodeOf(place)) !== inode) continue;
      logger.info({ path }, 'a file that was written but never committed is removed');
      await rm(place);
    }
    for (const file of this.#found.stored) {
      if (this.transactions.manifest.file(file.path)?.sha256 === file.sha256) continue;
      if (await files?.removeUnnamed(file))
        logger.info({ path: file.path }, 'an object that was written but never committed is removed');
    }
  }
}

/** What was there before the manifest was read. */
type Found = { readonly here: readonly PlacedFile[]; readonly stored: readonly PublishedFile[] };

type PlacedFile = { readonly path: string; readonly inode: number | undefined };

async function placedFiles(dataDirectory: string): Promise<PlacedFile[]> {
  const found: PlacedFile[] = [];
  for (const name of await readdir(join(dataDirectory, OFFLINE_DIRECTORY), { recursive: true })) {
    if (!name.endsWith('.parquet') || name.startsWith(PARTIAL_PREFIX)) continue;
    const path = `${OFFLINE_DIRECTORY}/${name}`;
    found.push({ path, inode: await inodeOf(join(dataDirectory, path)) });
  }
  return found;
}

/** Undefined where there is no such file. */
async function inodeOf(path: string): Promise<number | undefined> {
  return (await ifThere(stat(path)))?.ino;
}
