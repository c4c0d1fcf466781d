import { InputError } from '#platform';
import type { Serde } from '../serde.ts';
import type { CachedStore } from './cached-store.ts';
import { Heap } from './heap.ts';

/** Entries that may be out of force beside as many in force, before a heap is made again. */
const SLACK = 1_024;

const DUE_BYTES = 8;

export type Timer = {
  readonly key: string;
  readonly dueMs: number;
  /** The earliest timestamp of what it will emit: the watermark downstream waits there. None where Infinity. */
  readonly holdMs: number;
};

/** As stored: when it is due, and what it holds the watermark at, where it does. */
export type StoredTimer = number | readonly [dueMs: number, holdMs: number];

const fingerprint = Buffer.from('timer-due-1');

/** A time in stores and changelogs: eight bytes, big-endian double. */
export const dueSerde: Serde<number> = {
  encode: (due) => {
    const bytes = Buffer.allocUnsafe(DUE_BYTES);
    bytes.writeDoubleBE(due);
    return bytes;
  },
  decode: (bytes) => {
    if (bytes.length === DUE_BYTES) return bytes.readDoubleBE();
    throw new InputError('MR_RECORD_TIMESTAMP', `a due time has ${DUE_BYTES} bytes, not ${bytes.length}`);
  },
  prepare: async () => {},
  fingerprint,
  framing: 0,
};

/** A due time, followed by eight bytes for the timer's value if it has one. */
export const timerSerde: Serde<StoredTimer> = {
  encode: (timer) => {
    if (typeof timer === 'number') return dueSerde.encode(timer);
    return Buffer.concat([dueSerde.encode(timer[0]), dueSerde.encode(timer[1])]);
  },
  decode: (bytes) =>
    bytes.length === 2 * DUE_BYTES
      ? [bytes.readDoubleBE(), bytes.readDoubleBE(DUE_BYTES)]
      : dueSerde.decode(bytes),
  prepare: async () => {},
  fingerprint,
  framing: 0,
};

/**
 * Event-time timers of one processor, one for each key. They live in a store of their own, so that a restart or
 * a restore finds them; this queue holds them ordered by (due, key), and those that hold the watermark by what they hold.
 */
export class TimerQueue {
  readonly store: CachedStore<StoredTimer>;
  /** The timer in force of each key; others in the heaps are passed over. */
  readonly #timers = new Map<string, Timer>();
  readonly #byDue = new Heap<Timer>((a, b) => (a.dueMs !== b.dueMs ? a.dueMs < b.dueMs : a.key < b.key));
  readonly #byHold = new Heap<Timer>((a, b) => a.holdMs < b.holdMs);

  constructor(store: CachedStore<StoredTimer>) {
    this.store = store;
  }

  /** Entries of the heaps, those out of force included: what the queue needs memory for. */
  get size(): number {
    return this.#byDue.size + this.#byHold.size;
  }

  /** When a key's timer is due; undefined where it has none. */
  dueOf(key: string): number | undefined {
    return this.#timers.get(key)?.dueMs;
  }

  /** The earliest timestamp that a timer in force may emit under; Infinity where none holds anything. */
  get leastHold(): number {
    for (let first = this.#byHold.first; first !== undefined; first = this.#byHold.first) {
      if (this.#isInForce(first)) return first.holdMs;
      this.#byHold.removeFirst();
    }
    return Number.POSITIVE_INFINITY;
  }

  async open(): Promise<void> {
    for await (const [key, stored] of this.store.entries()) {
      if (typeof stored === 'number')
        this.#schedule({ key, dueMs: stored, holdMs: Number.POSITIVE_INFINITY });
      else this.#schedule({ key, dueMs: stored[0], holdMs: stored[1] });
    }
  }

  /** Sets or moves the key's timer. The key must have been loaded in the timer store. */
  set(key: string, dueMs: number, timestamp: number, holdMs = Number.POSITIVE_INFINITY): void {
    const known = this.#timers.get(key);
    if (known?.dueMs === dueMs && known.holdMs === holdMs) return;
    this.store.put(key, holdMs === Number.POSITIVE_INFINITY ? dueMs : [dueMs, holdMs], timestamp);
    this.#schedule({ key, dueMs, holdMs });
  }

  clear(key: string, timestamp: number): void {
    if (!this.#timers.delete(key)) return;
    this.store.delete(key, timestamp);
  }

  /** Keys whose timers are due at `watermark`; their state is to be loaded before they fire. */
  *dueKeys(watermark: number): Generator<string> {
    for (const timer of this.#byDue.within(({ dueMs }) => dueMs <= watermark)) {
      if (this.#isInForce(timer)) yield timer.key;
    }
  }

  /** The first timer due at or before `watermark`, by (due, key). */
  first(watermark: number): Timer | undefined {
    const heap = this.#byDue;
    for (let first = heap.first; first !== undefined && first.dueMs <= watermark; first = heap.first) {
      if (this.#isInForce(first)) return first;
      heap.removeFirst();
    }
    return undefined;
  }

  /** Takes that timer. */
  pop(watermark: number): Timer | undefined {
    const first = this.first(watermark);
    if (first === undefined) return undefined;
    this.#byDue.removeFirst();
    this.#timers.delete(first.key);
    this.store.delete(first.key, first.dueMs);
    return first;
  }

  #isInForce(timer: Timer): boolean {
    return this.#timers.get(timer.key) === timer;
  }

  #schedule(timer: Timer): void {
    this.#timers.set(timer.key, timer);
    this.#add(this.#byDue, timer);
    if (timer.holdMs !== Number.POSITIVE_INFINITY) this.#add(this.#byHold, timer);
  }

  /** Timers that are moved again and again leave entries that are no longer in force: past a bound, those go. */
  #add(heap: Heap<Timer>, timer: Timer): void {
    if (heap.size <= 2 * this.#timers.size + SLACK) heap.push(timer);
    else {
      const holds = heap === this.#byHold;
      heap.refill(
        Array.from(this.#timers.values()).filter(({ holdMs }) => !holds || Number.isFinite(holdMs)),
      );
    }
  }
}
