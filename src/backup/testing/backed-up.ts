/** A data directory with a log and a vault, a place for its backup, and restores of it elsewhere. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type EmbeddedLog, LogSource, openEmbeddedLog, type TopicSpec } from '#log';
import { createLogger, systemClock } from '#platform';
import { ManualClock, temporaryDirectory } from '#platform/testing';
import type { Pseudonyms } from '#privacy';
import { openTestVault } from '#privacy/testing';
import type { ObjectStore } from '#storage';
import {
  type Restored,
  readDirectoryStore,
  restoreBackup,
  type Shipment,
  Shipper,
  writeDirectoryStore,
} from '../index.ts';

/** A directory, or a store. */
type Place = string | ObjectStore;

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const START_MS = Date.UTC(2026, 0, 1);
const logger = createLogger({ level: 'silent', name: 'test' });

export const EVENTS: TopicSpec = {
  name: 'events',
  partitions: 2,
  cleanup: { policy: 'delete', retentionMs: 30 * DAY_MS },
};
export const ROWS: TopicSpec = {
  name: 'rows',
  partitions: 1,
  cleanup: { policy: 'compact', tombstoneRetentionMs: DAY_MS },
};
export const DECISIONS: TopicSpec = {
  name: 'privacy',
  partitions: 1,
  cleanup: { policy: 'compact', tombstoneRetentionMs: DAY_MS },
};

type Shipping = {
  readonly data?: string;
  readonly keepMs?: number;
  readonly passphrase?: string | undefined;
};

type BackedUpOptions = { readonly passphrase?: string; readonly topics?: readonly TopicSpec[] };

/** A record as it was appended, at its offset. */
export type Kept = { offset: number; key: string | null; value: string | null; timestamp: number };

export class BackedUp {
  readonly directory: string;
  readonly data: string;
  readonly place: string;
  readonly clock = new ManualClock(START_MS);
  readonly passphrase: string | undefined;
  readonly #t: TestContext;
  #log: EmbeddedLog | undefined;
  #vault: Pseudonyms | undefined;
  #vaultLog: EmbeddedLog | undefined;
  #restored = 0;

  private constructor(t: TestContext, { passphrase }: BackedUpOptions) {
    this.#t = t;
    this.directory = temporaryDirectory(t);
    this.data = join(this.directory, 'data');
    this.place = join(this.directory, 'backup');
    this.passphrase = passphrase;
  }

  static async open(t: TestContext, options: BackedUpOptions = {}): Promise<BackedUp> {
    const backedUp = new BackedUp(t, options);
    await backedUp.openData(backedUp.data);
    await backedUp.log.createTopics(options.topics ?? [EVENTS, ROWS, DECISIONS]);
    t.after(() => backedUp.closeData());
    return backedUp;
  }

  get log(): EmbeddedLog {
    return this.#log as EmbeddedLog;
  }

  get vault(): Pseudonyms {
    return this.#vault as Pseudonyms;
  }

  async openData(directory: string): Promise<void> {
    this.#log = await openEmbeddedLog({ directory, clock: this.clock, logger, synchronous: 'normal' });
    // A follower that waits by the clock of the test would take part in each of its steps.
    const log = await openEmbeddedLog({ directory, clock: systemClock, logger, synchronous: 'normal' });
    this.#vaultLog = log;
    const scrubLog = async () => {
      await this.clean();
      return { where: 'the log', rows: 0 };
    };
    this.#vault = await openTestVault(log, log.registry, directory, { scrubLog });
  }

  async closeData(): Promise<void> {
    await this.#vault?.close();
    await this.#vaultLog?.close();
    await this.#log?.close();
    this.#log = undefined;
    this.#vault = undefined;
    this.#vaultLog = undefined;
  }

  /** One pass over all that is dirty; it lets others work between its steps, by the clock. */
  async clean(): Promise<void> {
    let isDone = false;
    const cleaning = this.log.clean({ minDirtyRatio: 0 }).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      await this.clock.advance(0);
      await new Promise(setImmediate);
    }
    await cleaning;
  }

  /** Appends records in batches of their own, so that there is something to merge. */
  async append(
    topic: string,
    records: readonly (readonly [key: string, value: string | null])[],
    partition = 0,
  ) {
    const producer = await this.log.producer();
    for (const [key, value] of records) {
      await producer.append(topic, partition, [
        {
          key: Buffer.from(key),
          value: value === null ? null : Buffer.from(value),
          timestamp: this.clock.now(),
        },
      ]);
    }
    await producer.close();
  }

  optionsOf(
    store: ObjectStore,
    { data = this.data, keepMs = 30 * DAY_MS, passphrase = this.passphrase }: Shipping,
  ) {
    return {
      store,
      passphrase,
      dataDirectory: data,
      configurationFiles: [],
      decisionsTopic: 'privacy',
      keepMs,
      clock: this.clock,
      logger,
      signal: new AbortController().signal,
    };
  }

  async shipper({
    place = this.place,
    ...options
  }: Shipping & { readonly place?: Place } = {}): Promise<Shipper> {
    const store = typeof place === 'string' ? await writeDirectoryStore(place) : place;
    this.#t.after(() => store.close());
    const shipper = await Shipper.open(this.optionsOf(store, options)).catch((error: unknown) => {
      store.close();
      throw error;
    });
    const close = shipper.close.bind(shipper);
    let isClosed = false;
    shipper.close = () => {
      if (isClosed) return;
      isClosed = true;
      close();
      store.close();
    };
    this.#t.after(() => shipper.close());
    return shipper;
  }

  /** One shipment by a process of its own, as it were. */
  async ship(options: Shipping & { readonly place?: Place } = {}): Promise<Shipment> {
    const shipper = await this.shipper(options);
    try {
      return await shipper.ship();
    } finally {
      shipper.close();
    }
  }

  async restore({
    at = Number.POSITIVE_INFINITY,
    to = join(this.directory, `restored-${this.#restored++}`),
    passphrase = this.passphrase,
    place = this.place,
  }: {
    at?: number;
    to?: string;
    passphrase?: string | undefined;
    place?: Place;
  } = {}): Promise<Restored & { directory: string }> {
    const store = typeof place === 'string' ? await readDirectoryStore(place) : place;
    const restored = await restoreBackup({
      store,
      passphrase,
      at,
      dataDirectory: to,
      decisionsTopic: 'privacy',
      signal: new AbortController().signal,
    });
    return { ...restored, directory: to };
  }
}

/** All records of a data directory's log, by topic and partition, as they lie there. */
export function recordsIn(directory: string): Record<string, Kept[]> {
  const source = new LogSource(directory);
  try {
    const kept: Record<string, Kept[]> = {};
    for (const partition of source.partitions()) {
      const list: Kept[] = [];
      for (const row of source.rows(partition, 0, 1_000_000)) {
        const batch = source.decode(partition, row);
        for (let i = 0; i < batch.count; i++) {
          const { key, value, timestamp } = batch.record(i);
          const text = (bytes: Buffer | null) => bytes?.toString() ?? null;
          list.push({ offset: batch.offset(i), key: text(key), value: text(value), timestamp });
        }
      }
      kept[`${partition.topic}/${partition.partition}`] = list;
    }
    return kept;
  } finally {
    source.close();
  }
}

/** The newest value of each key of a compacted topic, as a table has it. */
export function tableOf(records: readonly Kept[] | undefined): Record<string, string> {
  const table = new Map<string, string>();
  for (const { key, value } of records ?? []) {
    if (value === null) table.delete(key ?? '');
    else table.set(key ?? '', value);
  }
  return Object.fromEntries([...table].sort());
}

/** Every file below a directory, locks left out. */
export function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile() && !each.name.startsWith('lock.'))
    .map((each) => join(each.parentPath, each.name))
    .sort();
}
