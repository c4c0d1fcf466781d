/** Changes while queries are asked: both arrive at a rate of their own and wait until the thread has time for them. */
import { buildIvf, FlatIndex, IvfIndex, type Random, type VectorIndex } from '#models';
import { percentile } from '../figure.ts';
import { truthOf } from './filters.ts';
import { type Asked, K, recallOf } from './system.ts';

const QUERIES_PER_SECOND = 2000;
const UPDATES_PER_SECOND = 1000;
const TARGET = 0.95;
/** At rest or while changing, before the other is measured again. */
const WINDOW_SECONDS = 0.25;

export type Latency = {
  /** From when a query was due to its answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of searching alone, without what a query has waited. */
  readonly searchingP99Ms: number;
  /** Updates that were made while it was measured, a second. */
  readonly updatesPerSecond: number;
};

/** What was taken in the windows of one kind. */
class Taken {
  readonly #taken: number[] = [];
  readonly #searching: number[] = [];
  #updates = 0;
  #seconds = 0;

  /** Queries and updates when they are due; what is late is made up for, not left out. */
  window(index: VectorIndex, queries: Float32Array, updatesPerSecond: number, update: () => void): void {
    const { dim } = index;
    const start = performance.now();
    let updates = 0;
    for (let query = 0; query < QUERIES_PER_SECOND * WINDOW_SECONDS; query++) {
      const due = start + (query * 1000) / QUERIES_PER_SECOND;
      do {
        const passed = Math.min(performance.now() - start, WINDOW_SECONDS * 1000);
        if (updates * 1000 < passed * updatesPerSecond) {
          update();
          updates++;
        }
      } while (performance.now() < due);
      const at = ((query + this.#taken.length) * dim) % queries.length;
      const begun = performance.now();
      index.search(queries.subarray(at, at + dim), K);
      const ended = performance.now();
      this.#searching.push(ended - begun);
      this.#taken.push(ended - due);
    }
    this.#updates += updates;
    this.#seconds += (performance.now() - start) / 1000;
  }

  latency(): Latency {
    return {
      p50Ms: percentile(this.#taken, 0.5),
      p99Ms: percentile(this.#taken, 0.99),
      searchingP99Ms: percentile(this.#searching, 0.99),
      updatesPerSecond: this.#updates / this.#seconds,
    };
  }
}

/** Share of the items that get other vectors before recall is measured again. */
export const CHURNED = 0.2;

export type Churned = {
  readonly before: number;
  readonly churned: number;
  /** Recall of an index newly built of what is there then. */
  readonly rebuilt: number;
  /** Recall of that index with as many lists probed: what each build calibrates on its own sample differs by more than the changes do. */
  readonly alike: number;
};

/** Recall before and after a fifth of the items have gone and new ones have come, for each seed of the builds. */
export function churnRecalls(
  items: Float32Array,
  fresh: Float32Array,
  { dim, known, queries }: Pick<Asked, 'dim' | 'queries'> & { readonly known: Float32Array },
  seeds: readonly number[],
): readonly Churned[] {
  const count = items.length / dim;
  const now = items.slice();
  // Every fifth one, wherever it is.
  const changes = Array.from({ length: count * CHURNED }, (_, i) => ({
    id: Math.floor(i / CHURNED),
    vector: fresh.subarray(i * dim, (i + 1) * dim),
  }));
  for (const { id, vector } of changes) now.set(vector, id * dim);
  const truths = [items, now].map((all) => truthOf(FlatIndex.build(all, dim), queries));
  const recall = (index: VectorIndex, truth = truths[1] as Int32Array) =>
    recallOf((query) => index.search(query, K).ids, 0, { dim, queries, truth });
  return seeds.map((seed) => {
    const index = buildIvf(items, dim, { target: TARGET, seed, queries: known });
    const before = recall(index, truths[0]);
    for (const { id, vector } of changes) {
      index.remove(id);
      index.put(id, vector);
    }
    const anew = buildIvf(now, dim, { target: TARGET, seed, queries: known });
    const alike = IvfIndex.fromParts({ ...anew.toParts(), calibration: index.calibration });
    return { before, churned: recall(index), rebuilt: recall(anew), alike: recall(alike) };
  });
}

/** At rest and while every update gives an item the vector of another one, in turn: what else the machine does falls on both. */
export function churnLatency(
  index: VectorIndex,
  items: Float32Array,
  queries: Float32Array,
  seconds: number,
  random: Random,
): { readonly rest: Latency; readonly changing: Latency } {
  const { dim } = index;
  const count = items.length / dim;
  const [warm, rest, changing] = [new Taken(), new Taken(), new Taken()];
  const update = () => {
    const from = random.integer(count) * dim;
    index.put(random.integer(count), items.subarray(from, from + dim));
  };
  warm.window(index, queries, UPDATES_PER_SECOND, update);
  for (let taken = 0; taken < seconds; taken += WINDOW_SECONDS) {
    rest.window(index, queries, 0, update);
    changing.window(index, queries, UPDATES_PER_SECOND, update);
  }
  return { rest: rest.latency(), changing: changing.latency() };
}
