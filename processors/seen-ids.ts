import { hash } from 'node:crypto';
import type { KeyValueStore } from '#engine';
import { crossKey, crossKeysOf } from '#features';
import type { RecentEvents } from '#schemas';

/** An entry is a hash of the id, the event's time, the hash of its body. */
const HASH_BYTES = 8;
const TIME_BYTES = 6;
const ENTRY_BYTES = HASH_BYTES + TIME_BYTES + 4;
/** In a user's own row. */
const OWN_ENTRIES = 48;
/** A bucket with more of them is split: an event writes about this many. */
const BUCKET_ENTRIES = 16;
const FEWEST_BUCKETS = 4;

type Store = KeyValueStore<RecentEvents>;

/**
 * The ids of a user's events that were admitted at or after `fromMs`, with a hash of what was published under each. To look
 * one up and to add one costs the same however many there are: most users have one row; one of many events has theirs in
 * buckets by linear hashing (Litwin 1980), of which an event touches one, and at most splits or merges one more.
 */
export class SeenIds {
  readonly #store: Store;
  readonly #user: string;
  readonly #fromMs: number;

  constructor(store: Store, user: string, fromMs: number) {
    this.#store = store;
    this.#user = user;
    this.#fromMs = fromMs;
  }

  /** The hash of the body under an id; undefined for an id that is not remembered. */
  bodyOf(eventId: string): number | undefined {
    const id = idHash(eventId);
    const row = this.#store.get(this.#user);
    const entries = row === undefined ? [] : this.#live(this.#bucketOf(id, row));
    return entries
      .find((entry) => entry.compare(id, 0, HASH_BYTES, 0, HASH_BYTES) === 0)
      ?.readInt32BE(HASH_BYTES + TIME_BYTES);
  }

  add(eventId: string, ts: number, body: number): void {
    const entry = Buffer.allocUnsafe(ENTRY_BYTES);
    idHash(eventId).copy(entry);
    entry.writeUIntBE(ts, HASH_BYTES, TIME_BYTES);
    entry.writeInt32BE(body, HASH_BYTES + TIME_BYTES);
    const own = this.#store.get(this.#user);
    const count = own?.buckets ?? 1;
    if (count > 1) {
      this.#addToBucket(entry, count, ts);
      return;
    }
    const entries = own === undefined ? [] : this.#live(own);
    entries.push(entry);
    if (entries.length <= OWN_ENTRIES) this.#store.put(this.#user, rowOf(entries), ts);
    else this.#spread(entries, ts);
  }

  /** Forgets all of the user's. */
  forget(timestamp: number): void {
    for (const [key] of this.#store.prefix(crossKeysOf(this.#user))) this.#store.delete(key, timestamp);
    this.#store.delete(this.#user, timestamp);
  }

  #bucketOf(id: Buffer, own: RecentEvents): RecentEvents | undefined {
    return own.buckets === 1 ? own : this.#store.get(this.#key(addressOf(id, own.buckets)));
  }

  #addToBucket(entry: Buffer, count: number, ts: number): void {
    const address = addressOf(entry, count);
    const entries = this.#entries(address);
    const wasEmpty = entries.length === 0;
    entries.push(entry);
    this.#put(address, entries, ts);
    if (entries.length > BUCKET_ENTRIES) this.#split(count, ts);
    else if (wasEmpty && count > FEWEST_BUCKETS) this.#merge(count - 1, ts);
  }

  /** Moves all entries of the row itself into buckets, which they half fill. */
  #spread(entries: readonly Buffer[], ts: number): void {
    const count = Math.max(FEWEST_BUCKETS, Math.ceil((2 * entries.length) / BUCKET_ENTRIES));
    const buckets = Map.groupBy(entries, (entry) => addressOf(entry, count));
    for (const [address, each] of buckets) this.#put(address, each, ts);
    this.#putCount(count, ts);
  }

  /** Makes bucket `count` of those of the next bucket in turn that belong there. */
  #split(count: number, ts: number): void {
    const from = parentOf(count);
    const [kept, moved] = [[], []] as [Buffer[], Buffer[]];
    for (const entry of this.#entries(from))
      (addressOf(entry, count + 1) === from ? kept : moved).push(entry);
    this.#put(from, kept, ts);
    this.#put(count, moved, ts);
    this.#putCount(count + 1, ts);
  }

  /** Undoes the split that has made the last bucket. */
  #merge(last: number, ts: number): void {
    const into = parentOf(last);
    const moved = this.#entries(last);
    if (moved.length > 0) this.#put(into, [...this.#entries(into), ...moved], ts);
    this.#store.delete(this.#key(last), ts);
    this.#putCount(last, ts);
  }

  #entries(address: number): Buffer[] {
    return this.#live(this.#store.get(this.#key(address)));
  }

  #live(row: RecentEvents | undefined): Buffer[] {
    if (row === undefined) return [];
    return entriesOf(row).filter((entry) => entry.readUIntBE(HASH_BYTES, TIME_BYTES) >= this.#fromMs);
  }

  #put(address: number, entries: readonly Buffer[], ts: number): void {
    const key = this.#key(address);
    if (entries.length > 0) this.#store.put(key, rowOf(entries), ts);
    else this.#store.delete(key, ts);
  }

  #putCount(buckets: number, ts: number): void {
    this.#store.put(this.#user, { ...rowOf([]), buckets }, ts);
  }

  #key(address: number): string {
    return crossKey(this.#user, String(address));
  }
}

/** 64 bits: of a million ids of a user two have the same once in 37 million users. */
function idHash(eventId: string): Buffer {
  return hash('sha256', eventId, 'buffer').subarray(0, HASH_BYTES);
}

function rowOf(entries: readonly Buffer[]): RecentEvents {
  return { events: [], buckets: 1, seen: Buffer.concat(entries) };
}

function entriesOf({ events, seen }: RecentEvents): Buffer[] {
  const entries: Buffer[] = events.map(({ event_id, ts, body }) => {
    const entry = Buffer.allocUnsafe(ENTRY_BYTES);
    idHash(event_id).copy(entry);
    entry.writeUIntBE(ts, HASH_BYTES, TIME_BYTES);
    entry.writeInt32BE(body, HASH_BYTES + TIME_BYTES);
    return entry;
  });
  for (let at = 0; at + ENTRY_BYTES <= seen.length; at += ENTRY_BYTES)
    entries.push(seen.subarray(at, at + ENTRY_BYTES));
  return entries;
}

/** The bucket of a hash among `count`: those before the last power of two's share have been split once more. */
function addressOf(id: Buffer, count: number): number {
  const half = 2 ** Math.floor(Math.log2(count));
  const number = id.readUInt32BE(0);
  const address = number % half;
  return address < count - half ? number % (2 * half) : address;
}

/** The bucket that was split to make this one. */
function parentOf(bucket: number): number {
  return bucket - 2 ** Math.floor(Math.log2(bucket));
}
