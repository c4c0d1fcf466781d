import { type Clock, FatalError, invariant, RetryableError } from '#platform';
import type {
  Change,
  Database,
  DatabaseProvider,
  DatabaseSnapshot,
  KeyRange,
  WriteManner,
} from '../../store/port.ts';
import type { Random } from './random.ts';

/** What is left of a machine's stores when it starts again. */
export const DISK_FAULTS = [
  'lost',
  'unflushed writes lost',
  'one emptied',
  'one corrupt',
  'one block corrupt',
  'older copy',
] as const;
export type DiskFault = (typeof DISK_FAULTS)[number];

type Entries = Map<string, Buffer>;

/** One task's database as it lies on the disk. */
type Volume = {
  entries: Entries;
  /** Undoes the writes that have not been flushed, the newest last. */
  unflushed: (() => void)[];
  /** Whose process has it open. */
  owner: Clock | undefined;
  damage: 'none' | 'header' | { readonly keys: ReadonlySet<string> };
};

const UNFLUSHED_WRITES = 20;
const KEYS_OF_A_BLOCK = 16;

/** As RocksDB says it of a database that this very process has open: it has not closed what it opened. */
export class OwnLockError extends RetryableError {}

const corrupt = () =>
  new FatalError('MR_STORE_CORRUPT', 'block checksum mismatch', { hint: 'destroy it and restore' });

/**
 * The databases of one machine, as files would be: they outlive the processes, one process at a time has a database, a
 * write that was under way when its process was killed is there whole or not at all, and the machine's failure takes
 * the newest writes.
 */
export class Disk {
  readonly name: string;
  readonly #volumes = new Map<string, Volume>();
  readonly #random: Random;
  #copy: ReadonlyMap<string, Entries> | undefined;
  /** Databases that somebody has been refused since they were last opened. */
  readonly #refused = new Set<string>();
  /** How often a database has been opened that was refused before, because another process had it. */
  waited = 0;
  /** Upper bound of the time that a read or write takes. */
  maxDelayMs = 0.2;

  constructor(name: string, random: Random) {
    this.name = name;
    this.#random = random;
  }

  /** The databases as the process that lives by `clock` sees them. */
  connect(clock: Clock): DatabaseProvider {
    return {
      open: async (name) => {
        await this.#delay(clock);
        const volume = this.#volumes.get(name) ?? {
          entries: new Map(),
          unflushed: [],
          owner: undefined,
          damage: 'none' as const,
        };
        if (volume.owner === clock) throw new OwnLockError('MR_STORE_LOCKED', `${name} is open already`);
        if (volume.owner !== undefined) {
          this.#refused.add(name);
          throw new RetryableError('MR_STORE_LOCKED', `${name} is open in another process`);
        }
        if (this.#refused.delete(name)) this.waited++;
        this.#volumes.set(name, volume);
        if (volume.damage === 'header') throw corrupt();
        volume.owner = clock;
        return new DiskDatabase(volume, clock, () => this.#delay(clock));
      },
      destroy: async (name) => {
        await this.#delay(clock);
        this.#volumes.delete(name);
      },
    };
  }

  /** The process that lives by `clock` is gone: what it had open is free. */
  release(clock: Clock): void {
    for (const volume of this.#volumes.values()) if (volume.owner === clock) volume.owner = undefined;
  }

  /** Keeps a copy of everything, for 'older copy'. */
  backUp(): void {
    this.#copy = new Map(Array.from(this.#volumes, ([name, { entries }]) => [name, new Map(entries)]));
  }

  forgetBackup(): void {
    this.#copy = undefined;
  }

  /** Returns the outcome; no process may have a database open. */
  damage(fault: DiskFault): string {
    const names = [...this.#volumes.keys()];
    if (names.length === 0) return 'nothing to damage';
    const name = this.#random.pick(names);
    const volume = this.#volumes.get(name) as Volume;
    switch (fault) {
      case 'lost':
        this.#volumes.clear();
        return 'all databases lost';
      case 'unflushed writes lost':
        for (const each of this.#volumes.values()) {
          const lost = this.#random.int(0, each.unflushed.length);
          for (const undo of each.unflushed.splice(each.unflushed.length - lost).reverse()) undo();
        }
        return 'the newest writes lost';
      case 'one emptied':
        volume.entries = new Map();
        volume.unflushed = [];
        return `${name} emptied`;
      case 'one corrupt':
        volume.damage = 'header';
        return `${name} can't be opened`;
      case 'one block corrupt': {
        const keys = [...volume.entries.keys()].sort();
        const block = this.#random.int(0, Math.floor(Math.max(0, keys.length - 1) / KEYS_OF_A_BLOCK));
        const from = block * KEYS_OF_A_BLOCK;
        volume.damage = { keys: new Set(keys.slice(from, from + KEYS_OF_A_BLOCK)) };
        return `${name} has an unreadable block`;
      }
      case 'older copy':
        if (this.#copy === undefined) return 'there is no copy';
        for (const [each, entries] of this.#copy) {
          const fresh = {
            entries: new Map(entries),
            unflushed: [],
            owner: undefined,
            damage: 'none' as const,
          };
          this.#volumes.set(each, fresh);
        }
        return 'an older copy put back';
    }
  }

  /** Blocks that nobody has read since they were damaged are as they were. */
  heal(): void {
    for (const volume of this.#volumes.values())
      if (typeof volume.damage === 'object') volume.damage = 'none';
  }

  get isInUse(): boolean {
    return [...this.#volumes.values()].some(({ owner }) => owner !== undefined);
  }

  async #delay(clock: Clock): Promise<void> {
    await clock.sleep(this.#random.next() * this.maxDelayMs);
  }
}

/** Keys are sorted on demand: the databases of a simulation are small. */
class DiskDatabase implements Database {
  readonly #volume: Volume;
  readonly #clock: Clock;
  readonly #wait: () => Promise<void>;
  #isClosed = false;

  constructor(volume: Volume, clock: Clock, wait: () => Promise<void>) {
    this.#volume = volume;
    this.#clock = clock;
    this.#wait = wait;
  }

  /** RocksDB refuses what is asked of a closed database, whose files may be another's by now. */
  async #delay(): Promise<void> {
    invariant(!this.#isClosed, 'a closed database is used');
    await this.#wait();
  }

  async getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | null)[]> {
    await this.#delay();
    return keys.map((key) => this.#read(key.toString('latin1')));
  }

  async write(changes: readonly Change[], { held = [] }: WriteManner = {}): Promise<void> {
    await this.#delay();
    const all = held.flatMap((each) => each.seal()).concat(changes);
    this.#change(all.map(({ key, value }) => [key.toString('latin1'), value] as const));
    for (const each of held) each.written();
    await this.#delay();
  }

  async *scan(range: KeyRange): AsyncGenerator<readonly Change[]> {
    await this.#delay();
    const keys = this.#keysIn(range).sort();
    for (let from = 0; from < keys.length; from += 64) {
      yield keys
        .slice(from, from + 64)
        .map((key) => ({ key: Buffer.from(key, 'latin1'), value: this.#read(key) }));
      await this.#delay();
    }
  }

  snapshot(): DatabaseSnapshot {
    const frozen: Volume = { ...this.#volume, entries: new Map(this.#volume.entries) };
    const database = new DiskDatabase(frozen, this.#clock, this.#wait);
    return {
      getMany: (keys) => database.getMany(keys),
      scan: (range) => database.scan(range),
      close: async () => {},
    };
  }

  async deleteRange(range: KeyRange): Promise<void> {
    await this.#delay();
    this.#change(this.#keysIn(range).map((key) => [key, null] as const));
    await this.#delay();
  }

  async close(): Promise<void> {
    await this.#delay();
    this.#isClosed = true;
    if (this.#volume.owner === this.#clock) this.#volume.owner = undefined;
    this.#volume.unflushed = [];
  }

  #read(key: string): Buffer | null {
    const { damage, entries } = this.#volume;
    if (typeof damage === 'object' && damage.keys.has(key)) throw corrupt();
    return entries.get(key) ?? null;
  }

  #change(changes: readonly (readonly [key: string, value: Buffer | null])[]): void {
    const { entries, unflushed } = this.#volume;
    const before = changes.map(([key]) => [key, entries.get(key)] as const);
    for (const [key, value] of changes) {
      if (value === null) entries.delete(key);
      else entries.set(key, Buffer.from(value));
    }
    unflushed.push(() => {
      for (const [key, value] of before.reverse()) {
        if (value === undefined) entries.delete(key);
        else entries.set(key, value);
      }
    });
    if (unflushed.length > UNFLUSHED_WRITES) unflushed.shift();
  }

  #keysIn(range: KeyRange): string[] {
    const from = range.gte.toString('latin1');
    const to = range.lt.toString('latin1');
    return [...this.#volume.entries.keys()].filter((key) => key >= from && key < to);
  }
}
