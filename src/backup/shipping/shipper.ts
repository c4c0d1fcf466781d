import { LogSource } from '#log';
import { type Clock, ConfigurationError, failpoint, type Logger } from '#platform';
import { legacyVaultExists, MASTER_KEY_FILE_NAME, NEXT_KEY_FILE_NAME } from '#privacy';
import type { ObjectStore } from '#storage';
import { Chain, pointsUpTo } from '../chain.ts';
import { describe } from '../description.ts';
import { bytesOf, type FileState, type Manifest } from '../manifest.ts';
import { Objects } from '../objects.ts';
import { removeOldGenerations } from '../retention.ts';
import { BackupState } from '../state.ts';
import { newSource, readBackupStatus, writeBackupStatus } from '../status.ts';
import { changedFiles, DATA_FOLDER, FileShipping } from './file-shipping.ts';
import { LogShipping, otherHistory } from './log-shipping.ts';

export type ShipperOptions = {
  readonly store: ObjectStore;
  /** Objects are encrypted by it. */
  readonly passphrase: string | undefined;
  readonly dataDirectory: string;
  /** Absolute. */
  readonly configurationFiles: readonly string[];
  /** The topic of what users have decided, which no restore undoes. */
  readonly decisionsTopic: string;
  /** How far back every point can be restored, ms. */
  readonly keepMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export type Shipment = {
  /** Everything acknowledged before is in the backup; ms. */
  readonly at: number;
  /** Undefined where nothing was new. */
  readonly manifest: Manifest | undefined;
  /** Size of the objects that it names. */
  readonly bytes: number;
};

/** Ships what a data directory has beyond its backup, beside the processes that write there. */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #objects: Objects;
  readonly #chain: Chain;
  readonly #state: BackupState;
  readonly #source: LogSource;
  readonly #files: FileShipping;
  /** Identifies this directory's history. */
  readonly #history: string;
  #next: { readonly number: number; readonly previous: string | null };
  #mustBegin: boolean;
  #wholeAt: number;
  #version = -1;

  private constructor(options: ShipperOptions, parts: Parts) {
    this.#options = options;
    this.#objects = parts.objects;
    this.#chain = parts.chain;
    this.#state = parts.state;
    this.#source = parts.source;
    this.#files = parts.files;
    this.#history = parts.history;
    this.#next = parts.next;
    this.#mustBegin = parts.problem !== undefined;
    this.#wholeAt = parts.state.at;
  }

  /**
   * Goes on where the backup in the place ends, if this directory's history is the one that it holds, and begins a
   * generation else. Errors: those of the place and of reading a log; MR_BACKUP_KEY, MR_BACKUP_NEWER, MR_BACKUP_DAMAGED.
   */
  static async open(options: ShipperOptions): Promise<Shipper> {
    const { store, passphrase, dataDirectory, configurationFiles, logger } = options;
    requireNoLegacyVault(dataDirectory);
    const objects = new Objects(store, await describe(store, passphrase));
    const chain = new Chain(objects);
    const points = await chain.points();
    const state = new BackupState();
    let next: Parts['next'] = { number: 0, previous: null };
    const newest = points.length === 0 ? [] : pointsUpTo(points, Number.POSITIVE_INFINITY, store.name);
    for await (const { manifest, sha256 } of chain.read(newest)) {
      state.add(manifest);
      next = { number: manifest.number + 1, previous: sha256 };
    }
    const known = await readBackupStatus(dataDirectory);
    const history = known?.source ?? newSource();
    // Before the first manifest: one that a crash leaves alone would be of a history that nobody knows.
    if (known === undefined)
      await writeBackupStatus(dataDirectory, { source: history, place: store.name, shippedAt: 0 });
    const source = new LogSource(dataDirectory);
    try {
      const problem = problemOf(state, history, source, points.length);
      if (problem !== undefined && points.length > 0)
        logger.warn(
          { why: problem, place: store.name },
          'the backup begins a new generation: its history is another',
        );
      const files = new FileShipping(dataDirectory, configurationFiles, objects, state.files);
      return new Shipper(options, { objects, chain, state, source, files, history, next, problem });
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /**
   * Ships what is new, durably when it resolves. After an error the shipper is to be closed, and another opened. Errors:
   * those of `open`; RetryableError MR_BACKUP_CONFLICT, MR_DISK_FULL.
   */
  async ship(): Promise<Shipment> {
    const { clock, signal, keepMs, dataDirectory, store } = this.#options;
    const before = await this.#files.scan(signal);
    const startedAt = clock.now();
    const version = this.#source.version();
    const isBase = this.#mustBegin || startedAt - this.#state.since >= keepMs;
    // What a base is made of is compared with nothing.
    const state = isBase ? emptyAt(this.#state.at) : this.#state;
    const log =
      version === this.#version && !isBase
        ? { at: Math.max(startedAt, state.at), log: nothing }
        : await this.#shipLog(state, isBase ? startedAt : this.#wholeAt, signal);
    // After the log: each file that it names is there.
    const after = await this.#files.scan(signal);
    const files = changedFiles(state.files, new Map([...before, ...after, ...keysOf(before, after)]));
    const manifest: Manifest = {
      ...this.#next,
      isBase,
      source: this.#history,
      ...log,
      files,
    };
    const isNew = isBase || !isEmpty(manifest);
    if (isNew) {
      const sha256 = await this.#chain.append(manifest);
      this.#next = { number: manifest.number + 1, previous: sha256 };
      this.#state.add(manifest);
      this.#mustBegin = false;
    }
    this.#version = version;
    this.#wholeAt = log.at;
    await writeBackupStatus(dataDirectory, { source: this.#history, place: store.name, shippedAt: log.at });
    failpoint('backup.status.after');
    if (isBase)
      await removeOldGenerations({
        objects: this.#objects,
        chain: this.#chain,
        keptFrom: startedAt - keepMs,
      });
    return { at: log.at, manifest: isNew ? manifest : undefined, bytes: isNew ? bytesOf(manifest) : 0 };
  }

  async #shipLog(state: BackupState, wholeAt: number, signal: AbortSignal) {
    const shipping = new LogShipping(this.#source, {
      objects: this.#objects,
      clock: this.#options.clock,
      decisionsTopic: this.#options.decisionsTopic,
      state,
      wholeAt,
    });
    return shipping.ship(signal);
  }

  close(): void {
    this.#source.close();
  }
}

type Parts = {
  readonly objects: Objects;
  readonly chain: Chain;
  readonly state: BackupState;
  readonly source: LogSource;
  readonly files: FileShipping;
  readonly history: string;
  readonly next: { readonly number: number; readonly previous: string | null };
  /** Why what follows is no continuation of what is there. */
  readonly problem: string | undefined;
};

const nothing: Manifest['log'] = { objects: [], decisions: [], partitions: [], removed: [], tables: {} };

function problemOf(
  state: BackupState,
  history: string,
  source: LogSource,
  points: number,
): string | undefined {
  if (points === 0) return 'nothing is there yet';
  if (state.source !== history) return 'another data directory was backed up there, or this one was restored';
  return otherHistory(source, state);
}

/** A vault of an earlier release is a file with locks of its own: a start moves it to the log, which is backed up. */
function requireNoLegacyVault(directory: string): void {
  if (!legacyVaultExists(directory)) return;
  throw new ConfigurationError(
    'MR_PRIVACY_VAULT_UNUSABLE',
    `${directory} holds the vault of an earlier release, which no backup takes.`,
    { hint: 'Run "millrace start" once: it moves the vault to the log.' },
  );
}

/**
 * The master keys of before and after the log was read: where they were rotated meanwhile, the log has keys of users under
 * both.
 */
function keysOf(before: ReadonlyMap<string, FileState>, after: ReadonlyMap<string, FileState>) {
  const [key, next] = [MASTER_KEY_FILE_NAME, NEXT_KEY_FILE_NAME].map((name) => DATA_FOLDER + name) as [
    string,
    string,
  ];
  const [old, now] = [before.get(key), after.get(key)];
  if (old === undefined || now === undefined || old.sha256 === now.sha256)
    return new Map<string, FileState>();
  return new Map([
    [key, old],
    [next, { ...now, path: next }],
  ]);
}

function emptyAt(at: number): BackupState {
  const state = new BackupState();
  state.at = at;
  return state;
}

function isEmpty({ log, files }: Manifest): boolean {
  const changed = [
    log.objects,
    log.partitions,
    log.removed,
    Object.keys(log.tables),
    files.put,
    files.removed,
  ];
  return changed.every(({ length }) => length === 0);
}
