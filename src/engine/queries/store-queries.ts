import { partitionFor } from '#log';
import { type Clock, errorCode, InputError, RetryableError } from '#platform';
import { decodeLoading } from '../serde.ts';
import type { KeyRange } from '../store/port.ts';
import type { RowEntry, RowFormat } from '../store/row-format.ts';
import { nameOf, type TaskId, type TaskOwners } from '../task/assignment/assignment.ts';
import type { StoreDefinition, SubTopology, Topology } from '../topology/topology.ts';
import { merged } from './merge.ts';
import type { Peers, Role, TaskRead } from './peers.ts';
import { type Position, positionOf, reaches, unite } from './position.ts';
import {
  behind,
  type Continuation,
  DEFAULT_LIMIT,
  decodeContinuation,
  encodeContinuation,
  invalidQuery,
  keyBytes,
  MAX_LIMIT,
  type QueryOptions,
  rangeOf,
  type StoreQuery,
  timesOf,
} from './query.ts';
import { moving, type Rows, type RowsWanted } from './rows.ts';

/** The tasks of this process. */
export interface LocalTasks {
  /** Undefined where this process does not have that copy. Errors: MR_QUERY_TASK_MOVING. */
  read(read: TaskRead): Promise<Rows | undefined>;
}

/** Who holds the tasks, by their names. */
type Owners = ReadonlyMap<string, TaskOwners>;

export type StoreQueriesOptions = {
  readonly topology: Topology;
  /** This process, as the answers of its tasks name it. */
  readonly memberId: string;
  readonly local: LocalTasks;
  /** As far as is known here. */
  readonly owners: () => Owners | Promise<Owners>;
  readonly peers: Peers;
  readonly clock: Clock;
  /** How long a query waits for a task that is on its way from one process to another. */
  readonly patienceMs?: number;
  /** How long a query waits for a task to reach the requested position. */
  readonly behindMs?: number;
};

export type StoreEntry = RowEntry & { readonly partition: number };

export type StoreAnswer = {
  /** By key (bytes of UTF-8), then partition. */
  readonly entries: readonly StoreEntry[];
  /** What the entries stand for: the store made from exactly the inputs before it holds these entries. */
  readonly position: Position;
  /** Which copies have answered. */
  readonly copies: readonly { readonly partition: number; readonly role: Role; readonly memberId: string }[];
  /** Where there is more: to be given as `after`. */
  readonly next?: string;
};

export type StoreSummary = {
  readonly name: string;
  readonly subTopology: string;
  readonly partitions: number;
  readonly kind: string;
};

type Target = {
  readonly store: StoreDefinition;
  readonly subTopology: SubTopology;
  /** How its rows hold windows; undefined where they are plain keys and values. */
  readonly rows: RowFormat | undefined;
};
type Copy = {
  readonly role: Role;
  readonly memberId: string;
  readonly read: (read: TaskRead) => Promise<Rows | undefined>;
};
type Answered = {
  readonly partition: number;
  readonly role: Role;
  readonly memberId: string;
  readonly rows: Rows;
};

const NOBODY: TaskOwners = { active: undefined, standbys: [] };
const RETRY_MS = 50;
/** Reads that are tried again at a time; more of them are refused at once. */
const MOST_WAITING = 64;
/** How long one copy is waited for: a thread that is busy, or a process that is stopped. */
const READ_TIMEOUT_MS = 5_000;

/**
 * Answers questions about the stores of a topology from outside of its tasks, wherever these run: a key goes to the
 * task of its partition, prefixes and ranges to all tasks of the sub-topology. Only committed state is seen, and each
 * answer says for which input offsets it stands (compare Kafka Streams' interactive queries, KIP-796).
 */
export class StoreQueries {
  readonly #options: Required<StoreQueriesOptions>;
  readonly #targets = new Map<string, Target>();
  #waiting = 0;

  constructor(options: StoreQueriesOptions) {
    this.#options = { patienceMs: 5_000, behindMs: 1_000, ...options };
    for (const subTopology of options.topology.subTopologies) {
      for (const store of subTopology.stores) {
        this.#targets.set(store.name, { store, subTopology, rows: store.spec.rows });
      }
    }
  }

  /** The stores that can be asked, in the order of their declaration. */
  stores(): readonly StoreSummary[] {
    return Array.from(this.#targets.values(), ({ store, subTopology: { name, partitions } }) => {
      return { name: store.name, subTopology: name, partitions, kind: store.spec.kind ?? 'key-value' };
    });
  }

  /**
   * Errors: MR_QUERY_STORE_UNKNOWN, MR_QUERY_INVALID; MR_QUERY_TASK_MOVING where a task stays out of reach for
   * longer than the patience; MR_QUERY_BEHIND where its copies stay behind `atLeast`.
   */
  async query(store: string, query: StoreQuery, options: QueryOptions = {}): Promise<StoreAnswer> {
    const target = this.#targetOf(store);
    const limit = limitOf(options);
    refuseForeignPositions(options.atLeast, target.subTopology);
    const after = options.after === undefined ? undefined : decodeContinuation(options.after);
    const wantedIn = this.#wanted(target, query, limit, after);
    const answered = await Promise.all(
      wantedIn.map(([partition, wanted]) => this.#ask(target, partition, wanted, options)),
    );
    return await answerOf(target, query, answered, limit);
  }

  /** A read of a task in this process, for its peers. Errors: MR_QUERY_TASK_MOVING where the task is not here. */
  async readHere(read: TaskRead): Promise<Rows> {
    const { store, task, role } = read;
    const { subTopology } = this.#targetOf(store);
    if (!Number.isInteger(task.partition) || task.partition < 0 || task.partition >= subTopology.partitions)
      throw invalidQuery(
        `sub-topology ${subTopology.name} has partitions 0 to ${subTopology.partitions - 1}`,
      );
    if (subTopology.name !== task.subTopology)
      throw invalidQuery(`store ${store} is none of ${nameOf(task)}`);
    const rows = await this.#inTime(this.#options.local.read(read), task);
    if (rows === undefined) throw moving(`no ${role} copy of task ${nameOf(task)} is here`);
    return rows;
  }

  #targetOf(store: string): Target {
    const target = this.#targets.get(store);
    if (target !== undefined) return target;
    throw new InputError('MR_QUERY_STORE_UNKNOWN', `there is no store ${JSON.stringify(store)}`, {
      hint: `the stores of ${this.#options.topology.name} are ${[...this.#targets.keys()].join(', ')}`,
    });
  }

  /** What is wanted, by partition. */
  #wanted(
    { subTopology: { partitions }, rows }: Target,
    query: StoreQuery,
    limit: number,
    after: Continuation | undefined,
  ): (readonly [partition: number, RowsWanted])[] {
    const page = (range: KeyRange, partition: number) => {
      return [partition, { range: behind(range, after, partition), limit }] as const;
    };
    if (query.kind === 'key' || query.kind === 'window') {
      const key = keyBytes(query.key);
      const partition = partitionFor(key, partitions);
      const times = timesOf(query);
      if (rows === undefined) {
        if (query.kind === 'window') throw invalidQuery('the store holds no windows');
        return [[partition, { key }]];
      }
      const [gte, lt] = rows.windowRows(query.key, times.fromMs, times.toMs);
      return [page({ gte: keyBytes(gte), lt: keyBytes(lt) }, partition)];
    }
    const range = rangeOf(query);
    return Array.from({ length: partitions }, (_, partition) => page(range, partition));
  }

  /** Asks the copies of a task, again and again while it is on its way between processes. */
  async #ask(
    { store, subTopology }: Target,
    partition: number,
    wanted: RowsWanted,
    { staleness = 'none', atLeast = {} }: QueryOptions,
  ): Promise<Answered> {
    const { clock, patienceMs, behindMs } = this.#options;
    const task: TaskId = { subTopology: subTopology.name, partition };
    const start = clock.monotonic();
    for (;;) {
      let refusal: unknown;
      for await (const { role, memberId, read } of this.#copies(task, staleness)) {
        try {
          const rows = await this.#inTime(read({ task, role, store: store.name, wanted }), task);
          if (rows === undefined) continue;
          if (reaches(partition, rows.position, atLeast)) return { partition, role, memberId, rows };
          refusal = notThere(task, rows);
        } catch (error) {
          if (!(error instanceof RetryableError)) throw error;
          refusal = error;
        }
      }
      const isBehind = errorCode(refusal) === 'MR_QUERY_BEHIND';
      // Who names a place far ahead must not hold a connection, and this loop, for long.
      if (clock.monotonic() - start >= (isBehind ? Math.min(behindMs, patienceMs) : patienceMs))
        throw refusal ?? moving(`no reachable process is known to hold task ${nameOf(task)}`);
      if (this.#waiting >= MOST_WAITING && refusal !== undefined) throw refusal;
      this.#waiting++;
      await clock.sleep(RETRY_MS).finally(() => this.#waiting--);
    }
  }

  async #inTime<T>(answer: T | Promise<T>, task: TaskId): Promise<T> {
    const answered = new AbortController();
    const late = this.#options.clock.sleep(READ_TIMEOUT_MS, answered.signal).then((): never => {
      throw moving(`a copy of task ${nameOf(task)} did not respond for ${READ_TIMEOUT_MS} ms`);
    });
    late.catch(() => {});
    try {
      return await Promise.race([answer, late]);
    } finally {
      answered.abort();
    }
  }

  /** The copies of a task in the order in which they are to be asked: of equal ones, that of this process first. */
  async *#copies(task: TaskId, staleness: 'none' | 'standby'): AsyncGenerator<Copy> {
    const { local, owners, peers, memberId } = this.#options;
    for (const role of staleness === 'standby' ? (['standby', 'active'] as const) : (['active'] as const)) {
      yield { role, memberId, read: (read) => local.read(read) };
      const { active, standbys } = (await this.#inTime(owners(), task)).get(nameOf(task)) ?? NOBODY;
      const others = role === 'standby' ? standbys : active ? [active] : [];
      for (const { memberId: other, endpoint } of others) {
        if (endpoint === undefined || other === memberId) continue;
        yield { role, memberId: other, read: (read) => peers.read(endpoint, read) };
      }
    }
  }
}

function limitOf({ limit = DEFAULT_LIMIT }: QueryOptions): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw invalidQuery(`the limit is not a whole number from 1 to ${MAX_LIMIT}`);
}

/** A bound on what the store's tasks do not read could never be met, nor be told to be. */
function refuseForeignPositions(bound: Position | undefined, { sources, partitions }: SubTopology): void {
  const read = sources.map(({ topic }) => topic.name);
  for (const [topic, offsets] of Object.entries(bound ?? {})) {
    if (!read.includes(topic))
      throw invalidQuery(`the position names ${topic}; the store is made from ${read.join(', ')}`);
    for (const [partition, offset] of Object.entries(offsets)) {
      if (!/^\d+$/.test(partition) || Number(partition) >= partitions)
        throw invalidQuery(`the position names partition ${partition} of ${topic}, which has ${partitions}`);
      if (!Number.isSafeInteger(offset) || offset < 0)
        throw invalidQuery(`${offset} is not an offset of ${topic}`);
    }
  }
}

async function answerOf(
  target: Target,
  query: StoreQuery,
  answered: readonly Answered[],
  limit: number,
): Promise<StoreAnswer> {
  const { rows, hasMore } = merged(
    answered.map(({ partition, rows }) => ({ partition, ...rows })),
    limit,
  );
  const entries: StoreEntry[] = [];
  for (const { key, value, partition } of rows) {
    const decoded = await decodeLoading(target.store.spec.value, value);
    const row = key.toString();
    const held = target.rows?.entries(row, decoded) ?? [{ key: row, value: decoded }];
    for (const entry of held) if (isAskedFor(entry, query)) entries.push({ ...entry, partition });
  }
  const last = rows.at(-1);
  return {
    entries,
    position: unite(answered.map(({ partition, rows }) => positionOf(partition, rows.position))),
    copies: answered.map(({ partition, role, memberId }) => ({ partition, role, memberId })),
    ...(hasMore && last && { next: encodeContinuation({ key: last.key, partition: last.partition }) }),
  };
}

/** A row may hold more windows than requested, and lie between requested rows. */
function isAskedFor({ key, window }: RowEntry, query: StoreQuery): boolean {
  if (query.kind !== 'key' && query.kind !== 'window') return true;
  const { fromMs, toMs } = timesOf(query);
  return key === query.key && (window === undefined || (window.startMs >= fromMs && window.startMs < toMs));
}

function notThere(task: TaskId, { position }: Rows): RetryableError {
  const message = `task ${nameOf(task)} has come to ${JSON.stringify(position)}, which is behind the requested position`;
  return new RetryableError('MR_QUERY_BEHIND', message, {
    hint: "retry in a moment, or without a position; if it stays behind, look at the task's lag",
  });
}
