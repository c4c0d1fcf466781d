/** How long the event loop stands still while an index is rebuilt in its thread and exchanged, and why. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { buildIvf, MaintainedIndex } from '#models';
import { percentile } from '../figure.ts';
import { K, rowsOf } from './system.ts';

const TARGET = 0.95;
const LIMIT_MS = 5;
const MOST_TURNS = 4_000_000;

export type Pauses = {
  readonly turns: number;
  /** Without the time that the thread was ready to run and the system gave the core to others. */
  readonly p999Ms: number;
  readonly longestMs: number;
  /** With it. */
  readonly longestByTheClockMs: number;
  /** Turns of over 5 ms of our own: those in which the garbage collector took most of it, and the others. */
  readonly overByCollector: number;
  readonly overByOthers: number;
  /** Turns that were over 5 ms by the clock alone. */
  readonly overBySystem: number;
};

/** How long the calling thread has waited for a core, in ms, which Linux counts; 0 elsewhere. */
class CoreWaits {
  readonly #path = '/proc/thread-self/schedstat';
  readonly #file = existsSync(this.#path) ? openSync(this.#path, 'r') : undefined;
  readonly #text = Buffer.alloc(100);

  /** Without garbage: it is read in each turn. */
  read(): number {
    if (this.#file === undefined) return 0;
    const end = readSync(this.#file, this.#text, 0, 100, 0);
    let nanoseconds = 0;
    // The second of three numbers.
    for (let at = this.#text.indexOf(' ') + 1; at < end; at++) {
      const digit = (this.#text[at] as number) - 48;
      if (digit < 0) break;
      nanoseconds = nanoseconds * 10 + digit;
    }
    return nanoseconds / 1e6;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}

/** Ends of turns, and how long the thread has waited for a core until then. */
class Turns {
  readonly #ends = new Float64Array(MOST_TURNS);
  readonly #waits = new Float64Array(MOST_TURNS);
  readonly #collections: { readonly startTime: number; readonly duration: number }[] = [];
  readonly #observer = new PerformanceObserver((list) => this.#collections.push(...list.getEntries()));
  readonly #core = new CoreWaits();
  #count = 0;

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
    this.end();
  }

  get isFull(): boolean {
    return this.#count === MOST_TURNS;
  }

  end(): void {
    this.#ends[this.#count] = performance.now();
    this.#waits[this.#count++] = this.#core.read();
  }

  async pauses(): Promise<Pauses> {
    // The observer is told of collections in a turn of its own.
    await setImmediate();
    await setImmediate();
    this.#observer.disconnect();
    this.#core.close();
    const own: number[] = [];
    let [clock, overByCollector, overByOthers, overBySystem] = [0, 0, 0, 0];
    for (let i = 1; i < this.#count; i++) {
      const [begin, end] = [this.#ends[i - 1], this.#ends[i]] as [number, number];
      const waited = (this.#waits[i] as number) - (this.#waits[i - 1] as number);
      const ms = Math.max(0, end - begin - waited);
      own.push(ms);
      clock = Math.max(clock, end - begin);
      if (ms > LIMIT_MS) {
        if (this.#collectedMs(begin, end) > ms / 2) overByCollector++;
        else overByOthers++;
      } else if (end - begin > LIMIT_MS) overBySystem++;
    }
    return {
      turns: own.length,
      p999Ms: percentile(own, 0.999),
      longestMs: percentile(own, 1),
      longestByTheClockMs: clock,
      overByCollector,
      overByOthers,
      overBySystem,
    };
  }

  #collectedMs(begin: number, end: number): number {
    return this.#collections.reduce(
      (sum, { startTime, duration }) =>
        sum + Math.max(0, Math.min(end, startTime + duration) - Math.max(begin, startTime)),
      0,
    );
  }
}

/**
 * Turns of the event loop, each with a query, while the index is rebuilt with a fifth of the items changed meanwhile, and for as long
 * without, in the same run.
 */
export async function rebuildPauses(
  items: Float32Array,
  queries: Float32Array,
  dim: number,
): Promise<{ readonly rest: Pauses; readonly rebuilding: Pauses }> {
  const index = new MaintainedIndex(buildIvf(items, dim, { target: TARGET }));
  const [vectors, asked] = [rowsOf(items, dim), rowsOf(queries, dim)];
  const during = async (goOn: () => boolean, change: (turn: number) => void): Promise<Pauses> => {
    const turns = new Turns();
    for (let turn = 0; goOn() && !turns.isFull; turn++) {
      change(turn);
      index.search(asked[turn % asked.length] as Float32Array, K);
      await setImmediate();
      turns.end();
    }
    return await turns.pauses();
  };
  const rebuild = async (change: (turn: number) => void): Promise<[Pauses, number]> => {
    const start = performance.now();
    let isDone = false;
    const rebuilt = index.rebuild().finally(() => {
      isDone = true;
    });
    const pauses = await during(() => !isDone, change);
    await rebuilt;
    return [pauses, performance.now() - start];
  };
  // Code that runs for the first time takes longer.
  await rebuild(() => {});
  const [rebuilding, tookMs] = await rebuild((turn) => {
    const id = turn * 5;
    if (id < vectors.length) index.put(id, vectors[vectors.length - 1 - id] as Float32Array);
  });
  const restUntil = performance.now() + tookMs;
  const rest = await during(
    () => performance.now() < restUntil,
    () => {},
  );
  await index.close();
  return { rest, rebuilding };
}
