import { type CachedStore, NotLoaded, type Read } from '../store/cached-store.ts';
import type { TimerQueue } from '../store/timer-queue.ts';
import type { ProcessorNode } from '../topology/node.ts';
import { TIMERS } from '../topology/topology.ts';
import { type Handler, HandlerContext, type Timers } from './handler-context.ts';
import type { Operator, Output, Step } from './operator.ts';
import { BySequence, type FlowRecord } from './record.ts';

export type { Timers };

/** The reads of one store while a batch is looked through. */
type Wanted = { readonly store: CachedStore<unknown>; readonly reads: Read[] };

/**
 * A stateful processor in a task. It brings the state of the whole batch into memory with one asynchronous read
 * a store, then handles record after record without waiting; timers fire between records, where the watermark passes
 * them, so that it makes no difference how the input is cut into batches.
 */
export class ProcessorOperator implements Operator {
  readonly inputs: readonly FlowRecord[][];
  readonly #node: ProcessorNode;
  readonly #wanted: ReadonlyMap<string, Wanted>;
  readonly #timers: Timers;
  readonly #context: HandlerContext;
  /** By port. */
  readonly #handlers: readonly Handler[];
  /** Stores whose entries go with time. */
  readonly #expiring: readonly CachedStore<unknown>[];
  /** How many of the batch's records timers have been fired behind. */
  #behind = 0;

  constructor(
    node: ProcessorNode,
    stores: ReadonlyMap<string, CachedStore<unknown>>,
    timers: Timers,
    outputs: ReadonlyMap<string, Output>,
  ) {
    this.#node = node;
    this.#wanted = new Map(Array.from(stores, ([name, store]) => [name, { store, reads: [] }]));
    this.#expiring = [...stores.values()].filter(({ expiry }) => expiry !== undefined);
    this.#timers = timers;
    this.inputs = node.inputs.map(() => []);
    this.#handlers = node.inputs.map(
      ([port]) =>
        (record, context) =>
          node.spec.process[port]?.(record, context),
    );
    this.#context = new HandlerContext(node, stores, timers, outputs);
  }

  async run(step: Step): Promise<void> {
    await this.#load(step);
    this.#context.step = step;
    this.#behind = 0;
    const merged = new BySequence(this.inputs);
    for (let record = merged.next(); record !== undefined; record = merged.next()) {
      if (this.#isDueBefore(record.sequence, step)) await this.#fireBefore(record.sequence, step);
      // Nothing is awaited for a record whose reads are loaded: a promise each would cost as much as the handler.
      const missing = this.#attempt(record, step, this.#handlers[merged.port] as Handler);
      if (missing !== undefined)
        await this.#attemptLoading(missing, record, step, this.#handlers[merged.port] as Handler);
    }
    const count = step.watermarks.length;
    if (this.#isDueBefore(count, step)) await this.#fireBefore(count, step);
    await this.#fire('wall', step.wallNow, count - 1, step);
  }

  async #load(step: Step): Promise<void> {
    const timerKeys = this.#gatherReads();
    for (const queue of [this.#timers.event, this.#timers.wall]) {
      if (queue === undefined) continue;
      const due = queue === this.#timers.event ? step.watermark : step.wallNow;
      const dueKeys = [...queue.dueKeys(due)];
      for (const { reads } of this.#wanted.values()) reads.push(...dueKeys);
      await queue.store.load([...timerKeys, ...dueKeys]);
    }
    for (const { store, reads } of this.#wanted.values()) {
      if (store.expiry !== undefined) reads.push(...store.expiry.dueKeys(step.watermark));
      await store.load(reads);
      reads.length = 0;
    }
  }

  /** What the records of the batch declare to read, into `wanted`; gives the keys whose timers they may set. */
  #gatherReads(): string[] {
    const timerKeys: string[] = [];
    const usesTimers = this.#timers.event !== undefined || this.#timers.wall !== undefined;
    for (const [port, records] of this.inputs.entries()) {
      const reads = this.#node.spec.reads?.[this.#node.inputs[port]?.[0] ?? ''];
      for (const record of records) {
        const declared: { readonly [store: string]: readonly Read[] | undefined } | undefined =
          reads?.(record);
        const timers = declared?.[TIMERS] as readonly string[] | undefined;
        // A timer that the record sets may fall due within this very batch, and finds its key in every store.
        if ((reads === undefined || usesTimers) && timers === undefined && record.key !== null) {
          const own = String(record.key);
          for (const { reads } of this.#wanted.values()) reads.push(own);
          if (usesTimers) timerKeys.push(own);
        }
        for (const name in declared) {
          const wanted = this.#wanted.get(name);
          for (const read of declared[name] ?? []) wanted?.reads.push(read);
        }
        if (timers !== undefined) timerKeys.push(...timers);
      }
    }
    return timerKeys;
  }

  /**
   * A timer fires behind the record of the batch that moved the watermark past it, whether that record has come to
   * this operator or not: so it makes no difference where a batch ends.
   */
  #isDueBefore(sequence: number, step: Step): boolean {
    if (this.#timers.event === undefined && this.#expiring.length === 0) return false;
    for (; this.#behind < sequence; this.#behind++) {
      const watermark = step.watermarks[this.#behind] ?? step.watermark;
      if (this.#timers.event?.first(watermark) !== undefined) return true;
      if (this.#expiring.some(({ expiry }) => expiry?.isDue(watermark))) return true;
    }
    return false;
  }

  async #fireBefore(sequence: number, step: Step): Promise<void> {
    for (; this.#behind < sequence; this.#behind++) {
      const watermark = step.watermarks[this.#behind] ?? step.watermark;
      for (const { expiry } of this.#expiring) await expiry?.expire(watermark);
      await this.#fire('event', watermark, this.#behind, step);
    }
  }

  async #fire(kind: 'event' | 'wall', until: number, sequence: number, step: Step): Promise<void> {
    const queue: TimerQueue | undefined = this.#timers[kind];
    const onTimer = kind === 'event' ? this.#node.spec.onTimer : this.#node.spec.onWallTimer;
    if (queue === undefined || onTimer === undefined) return;
    const watermark = kind === 'event' ? until : step.watermark;
    for (let timer = queue.first(until); timer !== undefined; timer = queue.first(until)) {
      const { key, dueMs } = timer;
      await queue.store.load([key]);
      queue.pop(until);
      const cause = { key, value: null, timestamp: dueMs, watermark, sequence, timer, trace: undefined };
      const handler: Handler = (_, context) => onTimer(key, dueMs, context);
      const missing = this.#attempt(cause, step, handler);
      if (missing !== undefined) await this.#attemptLoading(missing, cause, step, handler);
    }
  }

  /** Runs a handler; its effects hold only when it returns. Gives what it has read without having declared it. */
  #attempt(cause: FlowRecord, step: Step, handler: Handler): NotLoaded | undefined {
    this.#context.begin(cause);
    try {
      handler(cause, this.#context);
    } catch (error) {
      if (error instanceof NotLoaded) return error;
      step.reject(cause, this.#node.name, error);
      return undefined;
    }
    this.#context.apply();
    return undefined;
  }

  /** Loads what a handler lacked and runs it again, until it lacks nothing. */
  async #attemptLoading(first: NotLoaded, cause: FlowRecord, step: Step, handler: Handler): Promise<void> {
    for (let missing: NotLoaded | undefined = first; missing !== undefined; ) {
      step.undeclaredRead(this.#node.name, missing.store.name);
      await missing.store.load([missing.read]);
      missing = this.#attempt(cause, step, handler);
    }
  }
}
