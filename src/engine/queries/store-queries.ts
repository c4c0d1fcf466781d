import { type Clock, errorCode, InputError, RetryableError } from '#platform';
import { partitionFor } from '../log/partitioner.ts';
import type { KeyRange } from '../store/port.ts';
import type { RowEntry, RowFormat } from '../store/row-format.ts';
import { nameOf, type TaskId, type TaskOwners } from '../task/assignment.ts';
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
import { moving, type Row, type Rows, type RowsWanted } from './rows.ts';

/** The tasks of this process. */
export interface LocalTasks {
  has(task: TaskId, role: Role): boolean;
  /** Errors: MR_QUERY_TASK_MOVING where this process does not have that copy. */
  read(read: TaskRead): Promise<Rows>;
}

export type StoreQueriesOptions = {
  readonly topology: Topology;
  /** This process, as the answers of its tasks name it. */
  readonly memberId: string;
  readonly local: LocalTasks;
  /** Who holds the tasks, by their names, as far as is known here. */
  readonly owners: () => ReadonlyMap<string, TaskOwners>;
  readonly peers: Peers;
  readonly clock: Clock;
  /** How long a query waits for a task that is on its way from one process to another. */
  readonly patienceMs?: number;
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
  readonly read: (read: TaskRead) => Promise<Rows>;
};
type Answered = {
  readonly partition: number;
  readonly role: Role;
  readonly memberId: string;
  readonly rows: Rows;
};

const RETRY_MS = 50;

/**
 * Answers questions about the stores of a topology from outside of its tasks, wherever these run: a key goes to the
 * task of its partition, prefixes and ranges to all tasks of the sub-topology. Only committed state is seen, and each
 * answer says for which input offsets it stands (compare Kafka Streams' interactive queries, KIP-796).
 */
export class StoreQueries {
  readonly #options: Required<StoreQueriesOptions>;
  readonly #targets = new Map<string, Target>();

  constructor(options: StoreQueriesOptions) {
    this.#options = { patienceMs: 5_000, ...options };
    for (const subTopology of options.topology.subTopologies) {
      for (const store of subTopology.stores) {
        this.#targets.set(store.name, { store, subTopology, rows: store.spec.rows });
      }
    }
  }

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
    refuseForeignTopics(options.atLeast, target.subTopology);
    const after = options.after === undefined ? undefined : decodeContinuation(options.after);
    const wantedIn = this.#wanted(target, query, limit, after);
    const answered = await Promise.all(
      wantedIn.map(([partition, wanted]) => this.#ask(target, partition, wanted, options)),
    );
    return await answerOf(target, query, answered, limit);
  }

  /** A read of a task in this process, for its peers. Errors: MR_QUERY_TASK_MOVING where the task is not here. */
  async readHere(read: TaskRead): Promise<Rows> {
    this.#targetOf(read.store);
    return await this.#options.local.read(read);
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
    const { clock, patienceMs } = this.#options;
    const task: TaskId = { subTopology: subTopology.name, partition };
    const deadline = clock.monotonic() + patienceMs;
    for (;;) {
      let refusal: unknown;
      for (const { role, memberId, read } of this.#copies(task, staleness)) {
        try {
          const rows = await read({ task, role, store: store.name, wanted });
          if (reaches(partition, rows.position, atLeast)) return { partition, role, memberId, rows };
          refusal = notThere(task, rows);
        } catch (error) {
          if (!(error instanceof RetryableError)) throw error;
          refusal = error;
        }
      }
      if (clock.monotonic() >= deadline)
        throw refusal ?? moving(`no process that can be asked is known to hold task ${nameOf(task)}`);
      await clock.sleep(RETRY_MS);
    }
  }

  /** The copies of a task in the order in which they are to be asked: of equal ones, that of this process first. */
  *#copies(task: TaskId, staleness: 'none' | 'standby'): Generator<Copy> {
    const { local, owners, peers, memberId } = this.#options;
    const { active, standbys } = owners().get(nameOf(task)) ?? { active: undefined, standbys: [] };
    for (const role of staleness === 'standby' ? (['standby', 'active'] as const) : (['active'] as const)) {
      if (local.has(task, role)) {
        yield { role, memberId, read: (read) => this.readHere(read) };
        continue;
      }
      for (const { memberId, endpoint } of role === 'standby' ? standbys : active ? [active] : []) {
        if (endpoint === undefined) continue;
        yield { role, memberId, read: (read) => peers.read(endpoint, read) };
      }
    }
  }
}

function limitOf({ limit = DEFAULT_LIMIT }: QueryOptions): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw invalidQuery(`the limit is no whole number from 1 to ${MAX_LIMIT}`);
}

/** A bound on a topic that the store's task does not read could never be met, nor be told to be. */
function refuseForeignTopics(bound: Position | undefined, { sources }: SubTopology): void {
  const read = sources.map(({ topic }) => topic.name);
  const foreign = Object.keys(bound ?? {}).find((topic) => !read.includes(topic));
  if (foreign === undefined) return;
  throw invalidQuery(`the position names ${foreign}; the store is made from ${read.join(', ')}`);
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
    const decoded = await decode(target.store, value);
    const row = key.toString();
    const held = target.rows?.entries(row, decoded) ?? [{ key: row, value: decoded }];
    for (const entry of held) if (isAskedFor(entry, query)) entries.push({ ...entry, partition });
  }
  const last = rows.at(-1);
  return {
    entries,
    position: unite(answered.map(({ partition, rows }) => positionOf(partition, rows.position))),
    copies: answered.map(({ partition, role, memberId }) => ({ partition, role, memberId })),
    ...(hasMore &&
      last && { next: encodeContinuation({ key: last.key.toString(), partition: last.partition }) }),
  };
}

/** A row may hold more windows than were asked for, and lie between rows that were. */
function isAskedFor({ key, window }: RowEntry, query: StoreQuery): boolean {
  if (query.kind !== 'key' && query.kind !== 'window') return true;
  const { fromMs, toMs } = timesOf(query);
  return key === query.key && (window === undefined || (window.startMs >= fromMs && window.startMs < toMs));
}

async function decode({ spec }: StoreDefinition, value: Row['value']): Promise<unknown> {
  try {
    return spec.value.decode(value);
  } catch (error) {
    if (errorCode(error) !== 'MR_SCHEMA_NOT_LOADED') throw error;
    await spec.value.prepare(value);
    return spec.value.decode(value);
  }
}

function notThere(task: TaskId, { position }: Rows): RetryableError {
  const message = `task ${nameOf(task)} has come to ${JSON.stringify(position)}, which is not as far as was asked for`;
  return new RetryableError('MR_QUERY_BEHIND', message, {
    hint: 'ask again in a moment, or without a position; look at the lag of the task where it stays behind',
  });
}
