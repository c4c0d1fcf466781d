import type { CachedStore } from '../store/cached-store.ts';
import type { NotLoaded, Read } from '../store/key-value-store.ts';
import type { TimerQueue } from '../store/timer-queue.ts';
import type { Timeline } from '../time/timeline.ts';
import type { ProcessorNode } from '../topology/node.ts';
import { TIMERS } from '../topology/topology.ts';
import { type Handler, HandlerContext, NO_PORT, type Timers } from './handler-context.ts';
import type { Operator, Output, Step } from './operator.ts';
import { BySequence, type FlowRecord, RecordList } from './record.ts';

export type { Timers };

/**
 * A stateful processor in a task. It brings the state of the whole batch into memory with one asynchronous read
 * a store, then handles record after record without waiting; timers fire between records, where the watermark passes
 * them, so that it makes no difference how the input is cut into batches.
 */
export class ProcessorOperator implements Operator {
  readonly inputs: readonly RecordList[];
  readonly #node: ProcessorNode;
  readonly #allStores: readonly CachedStore<unknown>[];
  readonly #timers: Timers;
  readonly #context: HandlerContext;
  /** By port. */
  readonly #handlers: readonly Handler[];
  /** Stores whose entries go with time. */
  readonly #expiring: readonly CachedStore<unknown>[];
  readonly #time: Timeline;
  /** The watermark downstream; that of the input where no timer can hold it back. */
  readonly #timeAfter: Timeline;
  /** After how many of the batch's records timers have been fired. */
  #behind = 0;

  constructor(
    node: ProcessorNode,
    stores: ReadonlyMap<string, CachedStore<unknown>>,
    timers: Timers,
    outputs: ReadonlyMap<string, Output>,
    time: Timeline,
    timeAfter: Timeline,
  ) {
    this.#node = node;
    this.#time = time;
    this.#timeAfter = timeAfter;
    this.#allStores = [...stores.values()];
    this.#expiring = this.#allStores.filter(({ expiry }) => expiry !== undefined);
    this.#timers = timers;
    this.inputs = node.inputs.map(() => new RecordList());
    this.#handlers = node.inputs.map(
      ([port]) =>
        (record, context) =>
          node.spec.process[port]?.(record, context),
    );
    this.#context = new HandlerContext(node, stores, timers, outputs, timeAfter);
  }

  async run(step: Step): Promise<void> {
    this.#time.settle();
    const { steps } = this.#time;
    if (this.#timeAfter !== this.#time) this.#timeAfter.begin();
    await this.#load(step);
    this.#context.step = step;
    this.#behind = 0;
    const merged = new BySequence(this.inputs);
    for (let record = merged.next(); record !== undefined; record = merged.next()) {
      if (this.#isDueBefore(record.sequence)) await this.#fireBefore(record.sequence, step);
      this.#context.turnTo(merged.port, merged.index);
      // Nothing is awaited for a record whose reads are loaded: a promise each would cost as much as the handler.
      const handler = this.#handlers[merged.port] as Handler;
      const watermark = this.#time.at[record.sequence] as number;
      const missing = this.#attempt(record, watermark, step, handler);
      if (missing !== undefined) await this.#attemptLoading(missing, record, watermark, step, handler);
      // What it has set for a time long past, as if the next record came in a batch of its own.
      if (this.#isDue(watermark)) await this.#fireUpTo(watermark, record.sequence, step);
    }
    if (this.#isDueBefore(steps)) await this.#fireBefore(steps, step);
    await this.#fire('wall', step.wallNow, steps - 1, step);
    this.#timeAfter.steps = steps;
  }

  async #load(step: Step): Promise<void> {
    const watermark = this.#time.last;
    this.#wantReads();
    for (const queue of [this.#timers.event, this.#timers.wall]) {
      if (queue === undefined) continue;
      const due = queue === this.#timers.event ? watermark : step.wallNow;
      for (const key of queue.dueKeys(due)) {
        queue.store.want(key);
        this.#wantEverywhere(key);
      }
      await queue.store.load();
    }
    for (const store of this.#allStores) {
      if (store.expiry !== undefined) for (const key of store.expiry.dueKeys(watermark)) store.want(key);
      await store.load();
    }
  }

  #wantEverywhere(key: string): void {
    for (let i = 0; i < this.#allStores.length; i++) (this.#allStores[i] as CachedStore<unknown>).want(key);
  }

  /** The key's timers may be set or cleared. */
  #wantTimers(key: string): void {
    this.#timers.event?.store.want(key);
    this.#timers.wall?.store.want(key);
  }

  /** What the records of the batch declare to read. */
  #wantReads(): void {
    const usesTimers = this.#timers.event !== undefined || this.#timers.wall !== undefined;
    for (const [port, records] of this.inputs.entries()) {
      this.#context.expect(port, records.length);
      const reads = this.#node.spec.reads?.[this.#node.inputs[port]?.[0] ?? ''];
      for (let i = 0; i < records.length; i++) {
        const record = records.at(i);
        let declared: { readonly [store: string]: readonly Read[] | undefined } | undefined;
        try {
          declared = reads?.(record);
        } catch {
          // The handler meets the same error, or reads what it has not declared.
          continue;
        }
        const timers = declared?.[TIMERS] as readonly string[] | undefined;
        // A timer that the record sets may fall due within this very batch, and finds its key in every store.
        if ((reads === undefined || usesTimers) && timers === undefined && record.key !== null) {
          const own = String(record.key);
          this.#context.wantEverywhere(own, port, i);
          this.#wantTimers(own);
        }
        for (const name in declared) this.#context.want(name, declared[name] ?? [], port, i);
        if (timers !== undefined) for (const key of timers) this.#wantTimers(key);
      }
    }
  }

  /**
   * A timer fires after the record of the batch that moved the watermark past it, whether that record has come to
   * this operator or not: so it makes no difference where a batch ends.
   */
  #isDueBefore(sequence: number): boolean {
    if (this.#timers.event === undefined && this.#expiring.length === 0) return false;
    for (; this.#behind < sequence; this.#pass()) {
      if (this.#isDue(this.#time.at[this.#behind + 1] as number)) return true;
    }
    return false;
  }

  #isDue(watermark: number): boolean {
    if (this.#timers.event?.first(watermark) !== undefined) return true;
    for (let i = 0; i < this.#expiring.length; i++)
      if (this.#expiring[i]?.expiry?.isDue(watermark)) return true;
    return false;
  }

  async #fireBefore(sequence: number, step: Step): Promise<void> {
    for (; this.#behind < sequence; this.#pass())
      await this.#fireUpTo(this.#time.at[this.#behind + 1] as number, this.#behind, step);
  }

  async #fireUpTo(watermark: number, sequence: number, step: Step): Promise<void> {
    for (const { expiry } of this.#expiring) await expiry?.expire(watermark);
    await this.#fire('event', watermark, sequence, step);
    // What a timer has written under a time long past goes here, not after the next record.
    for (const { expiry } of this.#expiring) await expiry?.expire(watermark);
  }

  /** All that a record led to has been emitted: the watermark downstream follows, up to what timers hold. */
  #pass(): void {
    this.#behind++;
    if (this.#timeAfter === this.#time) return;
    const held = this.#timers.event?.leastHold ?? Number.POSITIVE_INFINITY;
    const watermark = Math.min(this.#time.at[this.#behind] as number, held);
    this.#timeAfter.reach(this.#behind, Math.max(this.#timeAfter.last, watermark));
  }

  async #fire(kind: 'event' | 'wall', until: number, sequence: number, step: Step): Promise<void> {
    const queue: TimerQueue | undefined = this.#timers[kind];
    const onTimer = kind === 'event' ? this.#node.spec.onTimer : this.#node.spec.onWallTimer;
    if (queue === undefined || onTimer === undefined) return;
    const watermark = kind === 'event' ? until : this.#time.last;
    this.#context.turnTo(NO_PORT, 0);
    for (let timer = queue.first(until); timer !== undefined; timer = queue.first(until)) {
      const { key, dueMs } = timer;
      await queue.store.load([key]);
      queue.pop(until);
      const cause = {
        key,
        value: null,
        timestamp: dueMs,
        sequence,
        timer,
        trace: undefined,
        raw: undefined,
      };
      const handler: Handler = (_, context) => onTimer(key, dueMs, context);
      const missing = this.#attempt(cause, watermark, step, handler);
      if (missing !== undefined) await this.#attemptLoading(missing, cause, watermark, step, handler);
    }
  }

  /** Runs a handler; its effects hold only when it returns. Returns its undeclared reads. */
  #attempt(cause: FlowRecord, watermark: number, step: Step, handler: Handler): NotLoaded | undefined {
    this.#context.begin(cause, watermark);
    try {
      handler(cause, this.#context);
      if (step.triesWrites) this.#context.tryWrites();
    } catch (error) {
      if (this.#context.missing === undefined) step.reject(cause, this.#node.name, error);
      return this.#context.missing;
    }
    // A handler that catches all errors has caught this one too.
    if (this.#context.missing !== undefined) return this.#context.missing;
    this.#context.apply();
    return undefined;
  }

  /** Loads what a handler lacked and runs it again, until it lacks nothing. */
  async #attemptLoading(
    first: NotLoaded,
    cause: FlowRecord,
    watermark: number,
    step: Step,
    handler: Handler,
  ): Promise<void> {
    for (let missing: NotLoaded | undefined = first; missing !== undefined; ) {
      step.undeclaredRead(this.#node.name, missing.store.name);
      await missing.store.load([missing.read]);
      missing = this.#attempt(cause, watermark, step, handler);
    }
  }
}
