import { InputError } from '#platform';
import type { Serde } from '../serde.ts';
import type { CachedStore } from './cached-store.ts';

/** Entries that may be out of force beside as many in force, before the heap is made anew. */
const SLACK = 1_024;

const DUE_BYTES = 8;

export type Timer = { readonly key: string; readonly dueMs: number };

/** Due times in stores and changelogs: eight bytes, big-endian double. */
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
  fingerprint: Buffer.from('timer-due-1'),
  framing: 0,
};

/**
 * Event-time timers of one processor, one for each key. They live in a store of their own, so that a restart or
 * a restore finds them; this queue holds them ordered by (due, key).
 */
export class TimerQueue {
  readonly store: CachedStore<number>;
  /** The timer in force of each key; older heap entries of that key are passed over. */
  readonly #due = new Map<string, number>();
  readonly #heap: Timer[] = [];

  constructor(store: CachedStore<number>) {
    this.store = store;
  }

  /** Entries of the heap, those out of force included: what the queue needs memory for. */
  get size(): number {
    return this.#heap.length;
  }

  /** When a key's timer is due; undefined where it has none. */
  dueOf(key: string): number | undefined {
    return this.#due.get(key);
  }

  async open(): Promise<void> {
    for await (const [key, due] of this.store.entries()) this.#schedule(key, due);
  }

  /** Sets or moves the key's timer. The key must have been loaded in the timer store. */
  set(key: string, dueMs: number, timestamp: number): void {
    if (this.#due.get(key) === dueMs) return;
    this.store.put(key, dueMs, timestamp);
    this.#schedule(key, dueMs);
  }

  clear(key: string, timestamp: number): void {
    if (!this.#due.delete(key)) return;
    this.store.delete(key, timestamp);
  }

  /** Keys whose timers are due at `watermark`; their state is to be loaded before they fire. */
  *dueKeys(watermark: number): Generator<string> {
    for (const [key, due] of this.#dueWithin(watermark)) {
      if (this.#due.get(key) === due) yield key;
    }
  }

  /** The first timer due at or before `watermark`, by (due, key). */
  first(watermark: number): Timer | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.dueMs <= watermark; first = this.#heap[0]) {
      if (this.#due.get(first.key) === first.dueMs) return first;
      this.#removeFirst();
    }
    return undefined;
  }

  /** Takes that timer. */
  pop(watermark: number): Timer | undefined {
    const first = this.first(watermark);
    if (first === undefined) return undefined;
    this.#removeFirst();
    this.#due.delete(first.key);
    this.store.delete(first.key, first.dueMs);
    return first;
  }

  *#dueWithin(watermark: number): Generator<readonly [string, number]> {
    const open = [0];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      const timer = this.#heap[index];
      if (timer === undefined || timer.dueMs > watermark) continue;
      yield [timer.key, timer.dueMs];
      open.push(2 * index + 1, 2 * index + 2);
    }
  }

  #schedule(key: string, dueMs: number): void {
    this.#due.set(key, dueMs);
    const heap = this.#heap;
    if (heap.length > 2 * this.#due.size + SLACK) {
      this.#rebuild();
      return;
    }
    let index = heap.push({ key, dueMs }) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#precedes(index, parent)) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  /** Without the entries that are no longer in force: they pile up where timers are moved again and again. */
  #rebuild(): void {
    const heap = this.#heap;
    heap.length = 0;
    for (const [key, dueMs] of this.#due) heap.push({ key, dueMs });
    for (let index = heap.length >> 1; index-- > 0; ) this.#sink(index);
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return;
    heap[0] = last;
    this.#sink(0);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    for (let index = from; ; ) {
      let smallest = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < heap.length && this.#precedes(child, smallest)) smallest = child;
      }
      if (smallest === index) return;
      this.#swap(index, smallest);
      index = smallest;
    }
  }

  #precedes(a: number, b: number): boolean {
    const left = this.#heap[a] as Timer;
    const right = this.#heap[b] as Timer;
    return left.dueMs !== right.dueMs ? left.dueMs < right.dueMs : left.key < right.key;
  }

  #swap(a: number, b: number): void {
    const timer = this.#heap[a] as Timer;
    this.#heap[a] = this.#heap[b] as Timer;
    this.#heap[b] = timer;
  }
}
