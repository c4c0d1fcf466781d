import { InvariantError } from '#platform';
import type { CachedStore, KeyValueStore } from '../store/cached-store.ts';
import type { TimerQueue } from '../store/timer-queue.ts';
import type { ProcessorNode } from '../topology/node.ts';
import type { Ports, ProcessorContext, StoreSpecs } from '../topology/processor.ts';
import type { Operator, Output, Step } from './operator.ts';
import { bySequence, type FlowRecord } from './record.ts';

type Effect = { apply(): void };

/**
 * A stateful processor in a task. It brings the state of the whole batch into memory with one asynchronous read
 * a store, then handles record after record; timers fire between records, where the watermark passes them, so
 * that it makes no difference how the input is cut into batches.
 */
export class ProcessorOperator implements Operator {
  readonly inputs: readonly FlowRecord[][];
  readonly #node: ProcessorNode;
  readonly #stores: ReadonlyMap<string, CachedStore<unknown>>;
  readonly #timers: TimerQueue | undefined;
  readonly #context: BufferedContext;

  constructor(
    node: ProcessorNode,
    stores: ReadonlyMap<string, CachedStore<unknown>>,
    timers: TimerQueue | undefined,
    outputs: ReadonlyMap<string, Output>,
  ) {
    this.#node = node;
    this.#stores = stores;
    this.#timers = timers;
    this.inputs = node.inputs.map(() => []);
    this.#context = new BufferedContext(stores, timers, outputs, node.spec.dependsOnArrival ?? false);
  }

  async run(step: Step): Promise<void> {
    await this.#load(step.watermark);
    this.#context.wallNow = step.wallNow;
    // A timer fires behind the record of the batch that moved the watermark past it, whether that record has come
    // to this operator or not: so it makes no difference where a batch ends.
    let behind = 0;
    const fireUntil = (sequence: number) => {
      for (; behind < sequence; behind++)
        this.#fireTimers(step.watermarks[behind] ?? step.watermark, behind, step);
    };
    for (const [port, record] of bySequence(this.inputs)) {
      fireUntil(record.sequence);
      const handler = this.#node.spec.process[this.#node.inputs[port]?.[0] ?? ''];
      this.#guarded(record, step, () => handler?.(record, this.#context));
    }
    fireUntil(step.watermarks.length);
  }

  async #load(watermark: number): Promise<void> {
    const wanted = new Map<string, string[]>(Array.from(this.#stores.keys(), (name) => [name, []]));
    const timerKeys: string[] = [];
    for (const [port, records] of this.inputs.entries()) {
      const reads = this.#node.spec.reads?.[this.#node.inputs[port]?.[0] ?? ''];
      for (const record of records) {
        // A timer that the record sets may fall due within this very batch, and finds its key in every store.
        const needsOwnKey = reads === undefined || this.#timers !== undefined;
        if (needsOwnKey) for (const keys of wanted.values()) keys.push(String(record.key));
        for (const [name, keys] of Object.entries(reads?.(record) ?? {}))
          wanted.get(name)?.push(...(keys ?? []));
        if (this.#timers !== undefined) timerKeys.push(String(record.key));
      }
    }
    if (this.#timers !== undefined) {
      for (const key of this.#timers.dueKeys(watermark)) {
        timerKeys.push(key);
        for (const keys of wanted.values()) keys.push(key);
      }
      await this.#timers.store.load(timerKeys);
    }
    for (const [name, keys] of wanted) await this.#stores.get(name)?.load(keys);
  }

  #fireTimers(watermark: number, sequence: number, step: Step): void {
    const { onTimer } = this.#node.spec;
    if (this.#timers === undefined || onTimer === undefined) return;
    for (let timer = this.#timers.pop(watermark); timer !== undefined; timer = this.#timers.pop(watermark)) {
      const { key, dueMs } = timer;
      const cause = { key, value: null, timestamp: dueMs, watermark, sequence, timer, trace: undefined };
      this.#guarded(cause, step, () => onTimer(key, dueMs, this.#context));
    }
  }

  /** Runs a handler; its effects hold only when it returns. */
  #guarded(cause: FlowRecord, step: Step, handle: () => void): void {
    this.#context.begin(cause);
    try {
      handle();
    } catch (error) {
      step.reject(cause, this.#node.name, error);
      return;
    }
    this.#context.apply();
  }
}

/** Holds back emits, puts and timers of one handler until it has returned. */
class BufferedContext implements ProcessorContext<Ports, StoreSpecs> {
  readonly stores: Record<string, KeyValueStore<unknown>>;
  watermark = 0;
  readonly #timers: TimerQueue | undefined;
  readonly #outputs: ReadonlyMap<string, Output>;
  readonly #mayReadWallClock: boolean;
  readonly #effects: Effect[] = [];
  #cause: FlowRecord | undefined;
  #wallNow = 0;

  constructor(
    stores: ReadonlyMap<string, CachedStore<unknown>>,
    timers: TimerQueue | undefined,
    outputs: ReadonlyMap<string, Output>,
    mayReadWallClock: boolean,
  ) {
    this.#timers = timers;
    this.#outputs = outputs;
    this.#mayReadWallClock = mayReadWallClock;
    this.stores = Object.fromEntries(
      Array.from(stores, ([name, store]) => [name, new BufferedStore(store, this.#effects)]),
    );
  }

  get wallNow(): number {
    if (!this.#mayReadWallClock) {
      throw new InvariantError('a processor that reads the wall clock must declare dependsOnArrival');
    }
    return this.#wallNow;
  }

  set wallNow(ms: number) {
    this.#wallNow = ms;
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

  readonly setTimer = (key: string, dueMs: number): void => {
    const timestamp = this.#cause?.timestamp ?? dueMs;
    this.#effects.push({ apply: () => this.#timers?.set(key, dueMs, timestamp) });
  };

  readonly clearTimer = (key: string): void => {
    const timestamp = this.#cause?.timestamp ?? 0;
    this.#effects.push({ apply: () => this.#timers?.clear(key, timestamp) });
  };
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

  put(key: string, value: unknown, timestamp: number): void {
    this.#store.get(key);
    this.#written.set(key, value);
    this.#effects.push({ apply: () => this.#store.put(key, value, timestamp) });
  }

  delete(key: string, timestamp: number): void {
    this.#store.get(key);
    this.#written.set(key, undefined);
    this.#effects.push({ apply: () => this.#store.delete(key, timestamp) });
  }
}
