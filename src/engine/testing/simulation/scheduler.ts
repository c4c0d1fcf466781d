import type { Clock } from '#platform';
import type { Random } from './random.ts';

type Event = { readonly due: number; readonly tie: number; readonly fire: () => void; cancelled: boolean };

/** Lets every continuation that is ready run before the next event. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Virtual time: everything that waits is an event on one queue, ordered by its time, ties by the seed. Between two
 * events all continuations run to their next wait, in an order that Node fixes; so a seed decides a whole run.
 */
export class Scheduler {
  readonly #random: Random;
  readonly #heap: Event[] = [];
  #now = 0;
  #fired = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Virtual ms since the start. */
  get now(): number {
    return this.#now;
  }

  /** Number of events so far. */
  get fired(): number {
    return this.#fired;
  }

  /** Calls `fire` after `delayMs`; the returned function cancels that. */
  after(delayMs: number, fire: () => void): () => void {
    const event: Event = {
      due: this.#now + Math.max(0, delayMs),
      tie: this.#random.next(),
      fire,
      cancelled: false,
    };
    this.#push(event);
    return () => {
      event.cancelled = true;
    };
  }

  /** Lets time pass until `isDone`, asked between events; gives false when that has not come after `limitMs`. */
  async run(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const limit = this.#now + limitMs;
    await turn();
    while (!isDone()) {
      const event = this.#pop();
      if (event === undefined) return false;
      if (event.cancelled) continue;
      if (event.due > limit) {
        this.#push(event);
        this.#now = limit;
        return isDone();
      }
      this.#now = event.due;
      this.#fired++;
      event.fire();
      await turn();
    }
    return true;
  }

  /** Waits for a promise while time passes. */
  async settle<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let isDone = false;
    const end = () => {
      isDone = true;
    };
    promise.then(end, end);
    if (!(await this.run(() => isDone, limitMs))) throw new Error('the simulation stands still');
    return promise;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!precedes(event, heap[parent] as Event)) break;
      heap[index] = heap[parent] as Event;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && precedes(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!precedes(heap[child] as Event, last)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function precedes(a: Event, b: Event): boolean {
  return a.due !== b.due ? a.due < b.due : a.tie < b.tie;
}

/**
 * A machine's clock on virtual time. Its wall time can jump; its monotonic time can't. Whoever lives by it can be
 * stalled, when nothing that it waits for reaches it, and ended, when nothing ever does.
 */
export class VirtualClock implements Clock {
  readonly #scheduler: Scheduler;
  #wallOffset: number;
  #state: 'running' | 'stalled' | 'ended' = 'running';
  readonly #held: (() => void)[] = [];

  constructor(scheduler: Scheduler, startMs: number) {
    this.#scheduler = scheduler;
    this.#wallOffset = startMs;
  }

  now(): number {
    return Math.floor(this.#scheduler.now + this.#wallOffset);
  }

  monotonic(): number {
    return this.#scheduler.now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return this.#deliver(resolve);
      const done = () => {
        cancel();
        signal?.removeEventListener('abort', done);
        this.#deliver(resolve);
      };
      const cancel = this.#scheduler.after(ms, done);
      signal?.addEventListener('abort', done);
    });
  }

  jump(ms: number): void {
    this.#wallOffset += ms;
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  stall(): void {
    if (this.#state === 'running') this.#state = 'stalled';
  }

  resume(): void {
    if (this.#state !== 'stalled') return;
    this.#state = 'running';
    for (const wake of this.#held.splice(0)) this.#scheduler.after(0, () => this.#deliver(wake));
  }

  end(): void {
    this.#state = 'ended';
    this.#held.length = 0;
  }

  #deliver(wake: () => void): void {
    if (this.#state === 'running') wake();
    else if (this.#state === 'stalled') this.#held.push(wake);
  }
}
