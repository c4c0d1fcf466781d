import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '#models';
import { errorCode, failpoint, namesIn, sync, writeDurably } from '#platform';
import { retiredSnapshot } from '../refusals.ts';

const RUNS_DIRECTORY = 'runs';
const pattern = /^checkpoint-(\d+)$/;

/** What a run keeps on the disk while it is not over. */
export function directoryOfRun(dataDirectory: string, runId: string): string {
  return join(dataDirectory, RUNS_DIRECTORY, runId);
}

/** Removes what runs have left that are not among `open`. */
export async function removeFilesOfRuns(dataDirectory: string, open: ReadonlySet<string>): Promise<void> {
  for (const name of await namesIn(join(dataDirectory, RUNS_DIRECTORY))) {
    if (!open.has(name)) await removeFilesOfRun(dataDirectory, name);
  }
}

export async function removeFilesOfRun(dataDirectory: string, runId: string): Promise<void> {
  await rm(directoryOfRun(dataDirectory, runId), { recursive: true, force: true });
}

/** The newest checkpoint of a run: `checkpoint-N` in its directory. One is whole or not there, whenever the process ends. */
export class CheckpointFiles {
  readonly #directory: string;
  readonly #snapshotDirectory: string;
  #written = 0;

  /** With the directory of the snapshot that is learned from. */
  constructor(directory: string, snapshotDirectory: string) {
    this.#directory = directory;
    this.#snapshotDirectory = snapshotDirectory;
  }

  /**
   * Written aside, made durable, and renamed into its place; then those before it go. An erasure removes the snapshots that
   * hold the user, then the checkpoints that were made of them: one that is written later removes itself. Errors: InputError
   * MR_SNAPSHOT_RETIRED then.
   */
  async save(checkpoint: Checkpoint): Promise<void> {
    if (this.#written === 0) this.#written = await this.#newest();
    await mkdir(this.#directory, { recursive: true });
    const number = this.#written + 1;
    const aside = join(this.#directory, `.partial-${number}`);
    await writeDurably(aside, encodeCheckpoint(checkpoint));
    failpoint('trainer.checkpoint.written');
    await rename(aside, join(this.#directory, `checkpoint-${number}`));
    await sync(this.#directory);
    this.#written = number;
    if (!existsSync(this.#snapshotDirectory)) {
      await rm(this.#directory, { recursive: true, force: true });
      throw retiredSnapshot(basename(this.#snapshotDirectory));
    }
    for (const name of await namesIn(this.#directory)) {
      if (name !== `checkpoint-${number}`) await rm(join(this.#directory, name), { force: true });
    }
    failpoint('trainer.checkpoint.saved');
  }

  /** Undefined where there is none, or none that can be read: the training then starts over, with the same result. */
  async load(): Promise<Checkpoint | undefined> {
    const number = await this.#newest();
    if (number === 0) return undefined;
    try {
      return decodeCheckpoint(await readFile(join(this.#directory, `checkpoint-${number}`)));
    } catch (error) {
      if (errorCode(error) !== 'MR_MODEL_CHECKPOINT') throw error;
      return undefined;
    }
  }

  async #newest(): Promise<number> {
    const numbers = (await namesIn(this.#directory)).map((name) => Number(pattern.exec(name)?.[1] ?? 0));
    return Math.max(0, ...numbers);
  }
}
