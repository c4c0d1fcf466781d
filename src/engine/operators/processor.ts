import { InvariantError } from '#platform';
import { type CachedStore, type KeyValueStore, NotLoaded, type Read } from '../store/cached-store.ts';
import type { TimerQueue } from '../store/timer-queue.ts';
import type { ProcessorNode } from '../topology/node.ts';
import type { Ports, ProcessorContext, StoreSpecs } from '../topology/processor.ts';
import type { Operator, Output, Step } from './operator.ts';
import { bySequence, type FlowRecord } from './record.ts';

type Effect = { apply(): void };

/** A processor's timers: by event time and by the wall clock, where it uses them. */
export type Timers = { readonly event: TimerQueue | undefined; readonly wall: TimerQueue | undefined };

/**
 * A stateful processor in a task. It brings the state of the whole batch into memory with one asynchronous read
 * a store, then handles record after record; timers fire between records, where the watermark passes them, so
 * that it makes no difference how the input is cut into batches.
 */
export class ProcessorOperator implements Operator {
  readonly inputs: readonly FlowRecord[][];
  readonly #node: ProcessorNode;
  readonly #stores: ReadonlyMap<string, CachedStore<unknown>>;
  readonly #timers: Timers;
  readonly #context: BufferedContext;

  constructor(
    node: ProcessorNode,
    stores: ReadonlyMap<string, CachedStore<unknown>>,
    timers: Timers,
    outputs: ReadonlyMap<string, Output>,
  ) {
    this.#node = node;
    this.#stores = stores;
    this.#timers = timers;
    this.inputs = node.inputs.map(() => []);
    this.#context = new BufferedContext(stores, timers, outputs, node);
  }

  async run(step: Step): Promise<void> {
    await this.#load(step);
    this.#context.step = step;
    // A timer fires behind the record of the batch that moved the watermark past it, whether that record has come
    // to this operator or not: so it makes no difference where a batch ends.
    let behind = 0;
    const fireUntil = async (sequence: number) => {
      for (; behind < sequence; behind++)
        await this.#fire('event', step.watermarks[behind] ?? step.watermark, behind, step);
    };
    for (const [port, record] of bySequence(this.inputs)) {
      await fireUntil(record.sequence);
      const handler = this.#node.spec.process[this.#node.inputs[port]?.[0] ?? ''];
      await this.#guarded(record, step, () => handler?.(record, this.#context));
    }
    await fireUntil(step.watermarks.length);
    await this.#fire('wall', step.wallNow, step.watermarks.length - 1, step);
  }

  async #load(step: Step): Promise<void> {
    const wanted = new Map<string, Read[]>(Array.from(this.#stores.keys(), (name) => [name, []]));
    const timerKeys: string[] = [];
    const usesTimers = this.#timers.event !== undefined || this.#timers.wall !== undefined;
    for (const [port, records] of this.inputs.entries()) {
      const reads = this.#node.spec.reads?.[this.#node.inputs[port]?.[0] ?? ''];
      for (const record of records) {
        // A timer that the record sets may fall due within this very batch, and finds its key in every store.
        const needsOwnKey = (reads === undefined || usesTimers) && record.key !== null;
        if (needsOwnKey) for (const keys of wanted.values()) keys.push(String(record.key));
        for (const [name, keys] of Object.entries(reads?.(record) ?? {}))
          wanted.get(name)?.push(...(keys ?? []));
        if (usesTimers && record.key !== null) timerKeys.push(String(record.key));
      }
    }
    for (const queue of [this.#timers.event, this.#timers.wall]) {
      if (queue === undefined) continue;
      const due = queue === this.#timers.event ? step.watermark : step.wallNow;
      const dueKeys = [...queue.dueKeys(due)];
      for (const keys of wanted.values()) keys.push(...dueKeys);
      await queue.store.load([...timerKeys, ...dueKeys]);
    }
    for (const [name, keys] of wanted) await this.#stores.get(name)?.load(keys);
  }

  async #fire(kind: 'event' | 'wall', until: number, sequence: number, step: Step): Promise<void> {
    const queue = this.#timers[kind];
    const handler = kind === 'event' ? this.#node.spec.onTimer : this.#node.spec.onWallTimer;
    if (queue === undefined || handler === undefined) return;
    const watermark = kind === 'event' ? until : step.watermark;
    for (let timer = queue.first(until); timer !== undefined; timer = queue.first(until)) {
      const { key, dueMs } = timer;
      await queue.store.load([key]);
      queue.pop(until);
      const cause = { key, value: null, timestamp: dueMs, watermark, sequence, timer, trace: undefined };
      await this.#guarded(cause, step, () => handler(key, dueMs, this.#context));
    }
  }

  /** Runs a handler; its effects hold only when it returns, and it runs again when it has read what was not loaded. */
  async #guarded(cause: FlowRecord, step: Step, handle: () => void): Promise<void> {
    for (;;) {
      const missing = this.#attempt(cause, step, handle);
      if (missing === undefined) return;
      step.undeclaredRead(this.#node.name, missing.store.name);
      await missing.store.load([missing.read]);
    }
  }

  #attempt(cause: FlowRecord, step: Step, handle: () => void): NotLoaded | undefined {
    this.#context.begin(cause);
    try {
      handle();
    } catch (error) {
      if (error instanceof NotLoaded) return error;
      step.reject(cause, this.#node.name, error);
      return undefined;
    }
    this.#context.apply();
    return undefined;
  }
}

/** Holds back emits, puts and timers of one handler until it has returned. */
class BufferedContext implements ProcessorContext<Ports, StoreSpecs> {
  readonly stores: Record<string, KeyValueStore<unknown>>;
  watermark = 0;
  readonly #timers: Timers;
  readonly #outputs: ReadonlyMap<string, Output>;
  readonly #node: ProcessorNode;
  readonly #effects: Effect[] = [];
  #cause: FlowRecord | undefined;
  #step: Step | undefined;

  constructor(
    stores: ReadonlyMap<string, CachedStore<unknown>>,
    timers: Timers,
    outputs: ReadonlyMap<string, Output>,
    node: ProcessorNode,
  ) {
    this.#timers = timers;
    this.#outputs = outputs;
    this.#node = node;
    this.stores = Object.fromEntries(
      Array.from(stores, ([name, store]) => [name, new BufferedStore(store, this.#effects)]),
    );
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

  begin(cause: FlowRecord): void {
    this.#cause = cause;
    this.watermark = cause.watermark;
    this.#effects.length = 0;
    for (const store of Object.values(this.stores)) (store as BufferedStore).begin();
  }

  apply(): void {
    for (const effect of this.#effects) effect.apply();
  }

  // Arrow functions, so that handlers may take them apart: `process({ emit }) ...`.
  readonly emit = (output: string, key: unknown, value: unknown, timestamp: number): void => {
    const target = this.#outputs.get(output);
    if (target === undefined) throw new InvariantError(`there is no output ${output}`);
    const record = { ...(this.#cause as FlowRecord), key, value, timestamp };
    this.#effects.push({ apply: () => target.push(record) });
  };

  readonly setTimer = (key: string, dueMs: number): void => this.#set(this.#timers.event, key, dueMs);
  readonly clearTimer = (key: string): void => this.#clear(this.#timers.event, key);
  readonly setWallTimer = (key: string, dueMs: number): void => this.#set(this.#timers.wall, key, dueMs);
  readonly clearWallTimer = (key: string): void => this.#clear(this.#timers.wall, key);

  readonly drop = (reason: string): void => {
    this.#effects.push({ apply: () => this.#step?.drop(this.#node.name, reason) });
  };

  #set(queue: TimerQueue | undefined, key: string, dueMs: number): void {
    if (queue === undefined) throw new InvariantError(`${this.#node.name} handles no such timer`);
    const timestamp = this.#cause?.timestamp ?? dueMs;
    queue.store.assertLoaded(key);
    this.#effects.push({ apply: () => queue.set(key, dueMs, timestamp) });
  }

  #clear(queue: TimerQueue | undefined, key: string): void {
    if (queue === undefined) throw new InvariantError(`${this.#node.name} handles no such timer`);
    const timestamp = this.#cause?.timestamp ?? 0;
    queue.store.assertLoaded(key);
    this.#effects.push({ apply: () => queue.clear(key, timestamp) });
  }
}

/** A store as one handler sees it: its own writes over what earlier records left. */
class BufferedStore implements KeyValueStore<unknown> {
  readonly #store: CachedStore<unknown>;
  readonly #effects: Effect[];
  readonly #written = new Map<string, unknown>();

  constructor(store: CachedStore<unknown>, effects: Effect[]) {
    this.#store = store;
    this.#effects = effects;
  }

  begin(): void {
    if (this.#written.size > 0) this.#written.clear();
  }

  get(key: string): unknown {
    return this.#written.has(key) ? this.#written.get(key) : this.#store.get(key);
  }

  *prefix(prefix: string): Generator<readonly [key: string, value: unknown]> {
    const entries = new Map(this.#store.prefix(prefix));
    for (const [key, value] of this.#written) {
      if (!key.startsWith(prefix)) continue;
      if (value === undefined) entries.delete(key);
      else entries.set(key, value);
    }
    yield* [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  put(key: string, value: unknown, timestamp: number): void {
    this.#store.assertLoaded(key);
    this.#written.set(key, value);
    this.#effects.push({ apply: () => this.#store.put(key, value, timestamp) });
  }

  delete(key: string, timestamp: number): void {
    this.#store.assertLoaded(key);
    this.#written.set(key, undefined);
    this.#effects.push({ apply: () => this.#store.delete(key, timestamp) });
  }
}
