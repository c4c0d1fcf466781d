import { type InputError, InvariantError } from '#platform';
import type { CachedStore } from '../store/cached-store.ts';
import type { Entry } from '../store/entry-cache.ts';
import type { KeyValueStore, NotLoaded, Read } from '../store/key-value-store.ts';
import type { TimerQueue } from '../store/timer-queue.ts';
import type { Timeline } from '../time/timeline.ts';
import type { ProcessorNode } from '../topology/node.ts';
import type { Ports, ProcessorContext, StoreSpecs } from '../topology/processor.ts';
import type { Output, Step } from './operator.ts';
import { derived, type FlowRecord } from './record.ts';
import { isTime, noTime, shown, undefinedOf } from './record-checks.ts';

/** A processor's timers: by event time and by the wall clock, where it uses them. */
export type Timers = { readonly event: TimerQueue | undefined; readonly wall: TimerQueue | undefined };

/** Where a timer comes from, which is no record of the batch. */
export const NO_PORT = -1;
/** Where a record has declared to read no key. */
const NOTHING = -1;

export type Handler = (cause: FlowRecord, context: HandlerContext) => void;

/** Holds back emits, puts and timers of one handler until it has returned. */
export class HandlerContext implements ProcessorContext<Ports, StoreSpecs> {
  readonly stores: { readonly [name: string]: KeyValueStore<unknown> };
  watermark = 0;
  /** The first read of this attempt that was not loaded. */
  missing: NotLoaded | undefined;
  readonly #staged: readonly StagedStore[];
  readonly #stagedByName: ReadonlyMap<string, StagedStore>;
  readonly #timeAfter: Timeline;
  /** Where in the batch the cause stands. */
  #port = NO_PORT;
  #index = 0;
  readonly #timers: Timers;
  readonly #outputs: ReadonlyMap<string, Output>;
  readonly #node: ProcessorNode;
  /**
   * What was emitted, and where it goes: two lists, so that an emit allocates the record alone. They are counted by
   * hand: an array whose length is set to 0 for each record gives up its room each time.
   */
  readonly #emitted: FlowRecord[] = [];
  readonly #targets: Output[] = [];
  #emits = 0;
  readonly #others: (() => void)[] = [];
  #cause: FlowRecord | undefined;
  #step: Step | undefined;

  constructor(
    node: ProcessorNode,
    stores: ReadonlyMap<string, CachedStore<unknown>>,
    timers: Timers,
    outputs: ReadonlyMap<string, Output>,
    timeAfter: Timeline,
  ) {
    this.#timers = timers;
    this.#timeAfter = timeAfter;
    this.#outputs = outputs;
    this.#node = node;
    this.#stagedByName = new Map(Array.from(stores, ([name, store]) => [name, new StagedStore(store)]));
    this.stores = Object.fromEntries(this.#stagedByName);
    this.#staged = [...this.#stagedByName.values()];
    for (const store of [...stores.values(), timers.event?.store, timers.wall?.store]) {
      if (store === undefined) continue;
      store.onMiss = (missing) => {
        this.missing ??= missing;
      };
    }
  }

  get wallNow(): number {
    if (this.#node.spec.dependsOnArrival !== true) {
      throw new InvariantError('a processor that reads the wall clock must declare dependsOnArrival');
    }
    return (this.#step as Step).wallNow;
  }

  set step(step: Step) {
    this.#step = step;
  }

  /** Forgets what the records of the last batch were expected to read. */
  expect(port: number, records: number): void {
    for (const store of this.#staged) store.expect(port, records);
  }

  /** Has the record's reads loaded. */
  want(store: string, reads: readonly Read[], port: number, index: number): void {
    const staged = this.#stagedByName.get(store);
    if (staged !== undefined) for (const read of reads) staged.want(read, port, index);
  }

  /** Has a key loaded in every store. */
  wantEverywhere(key: string, port: number, index: number): void {
    for (let i = 0; i < this.#staged.length; i++) (this.#staged[i] as StagedStore).want(key, port, index);
  }

  /** What is attempted next comes from there. */
  turnTo(port: number, index: number): void {
    this.#port = port;
    this.#index = index;
  }

  /** Forgets what an attempt that has failed has left. */
  begin(cause: FlowRecord, watermark: number): void {
    this.#cause = cause;
    this.watermark = watermark;
    this.missing = undefined;
    this.#emits = 0;
    if (this.#others.length > 0) this.#others.length = 0;
    for (let i = 0; i < this.#staged.length; i++)
      (this.#staged[i] as StagedStore).begin(this.#port, this.#index);
  }

  /** Fails where a store would refuse what has been written when it commits. */
  tryWrites(): void {
    for (const store of this.#staged) store.tryWrites();
  }

  apply(): void {
    for (let i = 0; i < this.#staged.length; i++) (this.#staged[i] as StagedStore).apply();
    for (let i = 0; i < this.#emits; i++) {
      (this.#targets[i] as Output).push(this.#emitted[i] as FlowRecord);
    }
    for (let i = 0; i < this.#others.length; i++) this.#others[i]?.();
  }

  // Arrow functions, so that handlers may take them apart: `process({ emit }) ...`.
  readonly emit = (output: string, key: unknown, value: unknown, timestamp: number): void => {
    const target = this.#outputs.get(output);
    if (target === undefined) throw new InvariantError(`there is no output ${output}`);
    if (!isTime(timestamp) || value === undefined || key === undefined)
      throw refusedEmit(this.#node.name, key, timestamp);
    this.#emitted[this.#emits] = derived(this.#cause as FlowRecord, key, value, timestamp);
    this.#targets[this.#emits++] = target;
  };

  readonly setTimer = (key: string, dueMs: number, earliestMs = dueMs): void =>
    this.#set(this.#timers.event, key, dueMs, earliestMs);
  readonly clearTimer = (key: string): void => this.#clear(this.#timers.event, key);
  readonly setWallTimer = (key: string, dueMs: number): void =>
    this.#set(this.#timers.wall, key, dueMs, dueMs);
  readonly clearWallTimer = (key: string): void => this.#clear(this.#timers.wall, key);

  readonly drop = (reason: string): void => {
    this.#others.push(() => this.#step?.drop(this.#node.name, reason));
  };

  #set(queue: TimerQueue | undefined, key: string, dueMs: number, earliestMs: number): void {
    if (queue === undefined) throw new InvariantError(`${this.#node.name} handles no such timer`);
    const timestamp = this.#cause?.timestamp ?? dueMs;
    // One that is due never, or was long ago, is a timer all the same.
    const isWhole = Number.isInteger(dueMs) || dueMs === Number.POSITIVE_INFINITY;
    if (!isWhole || !Number.isFinite(timestamp))
      throw noTime(`${this.#node.name}: a timer of ${shown(key)} was set to`, dueMs);
    queue.store.entry(key);
    const holdMs = earliestMs < dueMs ? this.#holdOf(earliestMs, dueMs) : Number.POSITIVE_INFINITY;
    this.#others.push(() => queue.set(key, dueMs, timestamp, holdMs));
  }

  /** What is emitted when the timer is due, or later, is on time in any case; and no watermark goes back. */
  #holdOf(earliestMs: number, dueMs: number): number {
    const { last } = this.#timeAfter;
    return last < dueMs ? Math.max(earliestMs, last) : Number.POSITIVE_INFINITY;
  }

  #clear(queue: TimerQueue | undefined, key: string): void {
    if (queue === undefined) throw new InvariantError(`${this.#node.name} handles no such timer`);
    const timestamp = this.#cause?.timestamp ?? 0;
    queue.store.entry(key);
    this.#others.push(() => queue.clear(key, timestamp));
  }
}

function refusedEmit(operator: string, key: unknown, timestamp: number): InputError {
  if (!isTime(timestamp)) return noTime(`${operator} emitted ${shown(key)} with`, timestamp);
  return undefinedOf(operator, key, 'emitted');
}

/**
 * A store as one handler sees it: its own writes over what earlier records left. A write stays at its entry, marked
 * with the number of the attempt, until the handler has returned: no map is filled and emptied for each record.
 */
class StagedStore implements KeyValueStore<unknown> {
  readonly #store: CachedStore<unknown>;
  readonly #written: Entry<unknown>[] = [];
  /** How many of them hold. */
  #writes = 0;
  #attempt = 0;
  /** The entry looked up last in this attempt, or expected to be: a handler gets a key and then puts it. */
  #last: Entry<unknown> | undefined;
  /** The key as requested: usually the same string object, where the entry's would have to be fetched and compared. */
  #lastKey: string | undefined;
  /** By port and record, the key that it declared to read first, as the store's `want` counts: it is not looked up again. */
  readonly #expected: number[][] = [];

  constructor(store: CachedStore<unknown>) {
    this.#store = store;
  }

  expect(port: number, records: number): void {
    this.#expected[port] ??= [];
    const expected = this.#expected[port];
    while (expected.length < records) expected.push(NOTHING);
    expected.fill(NOTHING);
  }

  want(read: Read, port: number, index: number): void {
    const place = this.#store.want(read);
    const expected = this.#expected[port];
    if (place !== undefined && expected?.[index] === NOTHING) expected[index] = place;
  }

  begin(port: number, index: number): void {
    this.#attempt++;
    const place = port === NO_PORT ? NOTHING : (this.#expected[port]?.[index] ?? NOTHING);
    this.#last = place === NOTHING ? undefined : this.#store.found(place);
    this.#lastKey = place === NOTHING ? undefined : this.#store.wanted(place);
    this.#release();
  }

  tryWrites(): void {
    for (let i = 0; i < this.#writes; i++) {
      const { key, staged, stagedTimestamp } = this.#written[i] as Entry<unknown>;
      this.#store.values.assertWritable(key, staged, stagedTimestamp);
    }
  }

  apply(): void {
    for (let i = 0; i < this.#writes; i++) {
      const entry = this.#written[i] as Entry<unknown>;
      this.#store.change(entry, entry.staged, entry.stagedTimestamp);
    }
    this.#release();
  }

  #release(): void {
    for (let i = 0; i < this.#writes; i++) (this.#written[i] as Entry<unknown>).staged = undefined;
    this.#writes = 0;
  }

  get(key: string): unknown {
    const entry = this.#entry(key);
    return entry.attempt === this.#attempt ? entry.staged : entry.value;
  }

  timestamp(key: string): number | undefined {
    const entry = this.#entry(key);
    const isStaged = entry.attempt === this.#attempt;
    if ((isStaged ? entry.staged : entry.value) === undefined) return undefined;
    return isStaged ? entry.stagedTimestamp : entry.timestamp;
  }

  *prefix(prefix: string): Generator<readonly [key: string, value: unknown]> {
    for (const key of this.#store.keysWith(prefix)) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  put(key: string, value: unknown, timestamp: number): void {
    this.#stage(key, value, timestamp);
  }

  delete(key: string, timestamp: number): void {
    this.#stage(key, undefined, timestamp);
  }

  #stage(key: string, value: unknown, timestamp: number): void {
    if (!isTime(timestamp)) throw noTime(`${this.#store.name}: ${shown(key)} was written with`, timestamp);
    const entry = this.#entry(key);
    if (entry.attempt !== this.#attempt) {
      this.#store.assertTimeLoaded(key);
      entry.attempt = this.#attempt;
      entry.stagedTimestamp = timestamp;
      this.#written[this.#writes++] = entry;
      this.#store.noteForPrefixes(key);
    } else if (timestamp > entry.stagedTimestamp) entry.stagedTimestamp = timestamp;
    entry.staged = value;
  }

  #entry(key: string): Entry<unknown> {
    if (this.#last === undefined || this.#lastKey !== key) {
      this.#last = this.#store.entry(key);
      this.#lastKey = key;
    }
    return this.#last;
  }
}
