import { join } from 'node:path';
import {
  IdTable,
  type MaintenanceOptions,
  receiveIndex,
  type VectorIndex,
  type VersionContents,
  type VersionManifest,
  Vocabulary,
} from '#models';
import { errorCode, FatalError, startWorker, Thread } from '#platform';
import type { DataFiles } from '#storage';
import type { LoadingAnswers, LoadingReady } from './loading-main.ts';

/**
 * A version's directory as a thread of its own reads and verifies it. The thread ends with `close`; what was asked of it
 * stays.
 */
export class VersionLoader {
  readonly #thread: Thread<LoadingAnswers, never, LoadingReady>;
  readonly #ready: LoadingReady;

  private constructor(thread: Thread<LoadingAnswers, never, LoadingReady>, ready: LoadingReady) {
    this.#thread = thread;
    this.#ready = ready;
  }

  /**
   * `directory` is relative to the data directory; it is brought from the store where it is missing or damaged here. Errors:
   * those of openVersion and SharedFiles; FatalError MR_INFERENCE_ENDED where the thread ends.
   */
  static async open({ dataDirectory, files }: DataFiles, directory: string): Promise<VersionLoader> {
    const path = join(dataDirectory, directory);
    await files?.bring(directory);
    try {
      return await VersionLoader.#read(path);
    } catch (error) {
      if (files === undefined || errorCode(error) !== 'MR_VERSION_CORRUPT') throw error;
      await files.bring(directory, { isDamaged: true });
      return VersionLoader.#read(path);
    }
  }

  static async #read(directory: string): Promise<VersionLoader> {
    const entry = new URL('./loading-main.ts', import.meta.url);
    const link = startWorker(entry, { input: directory, name: 'version loader' });
    const thread = new Thread<LoadingAnswers, never, LoadingReady>(link, { gone: ended });
    return new VersionLoader(thread, await thread.ready);
  }

  /** The first 16 hex digits of the SHA-256 of its manifest. */
  get version(): string {
    return this.#ready.version;
  }

  get manifest(): VersionManifest {
    return this.#ready.manifest;
  }

  /** Names of the version's files, in order. */
  get names(): readonly string[] {
    return this.#ready.names;
  }

  /** Call it once, after the methods that parse these files. Errors: FatalError MR_VERSION_CORRUPT without one of them. */
  files(names: readonly string[]): Promise<VersionContents> {
    return this.#thread.call('files', names);
  }

  /** Errors: FatalError MR_VERSION_CORRUPT. */
  async vocabulary(): Promise<Vocabulary> {
    return Vocabulary.receive(await this.#thread.call('vocabulary'));
  }

  /** The items of an index that was built later, in row order. */
  async itemIds(): Promise<IdTable> {
    return IdTable.receive(await this.#thread.call('itemIds'));
  }

  /** Errors: InputError MR_INDEX_CORRUPT. */
  async index(options: MaintenanceOptions): Promise<VectorIndex> {
    return receiveIndex(await this.#thread.call('index'), options);
  }

  close(): Promise<void> {
    return this.#thread.stop();
  }
}

function ended(cause: unknown): FatalError {
  return new FatalError('MR_INFERENCE_ENDED', 'The thread that loads a version has ended.', {
    hint: 'The version is loaded again; report what the log says.',
    cause,
  });
}
