import { isDeepStrictEqual } from 'node:util';
import type { Log, TopicPartition } from '#log';
import { decodeLoading, type Serde } from '../serde.ts';
import { Digest, entryHash } from '../store/digest.ts';
import type { InputOffsets } from '../task/commit/position.ts';
import { isHeartbeat } from '../time/watermark.ts';
import type { StoreDefinition, SubTopology, Topology } from '../topology/topology.ts';
import { type NewestRow, newestRows } from './changelog-rows.ts';

const POLL_MS = 1_000;

export type RowDifference = {
  readonly key: string;
  /** As seen from the first copy: the second one lacks the row, has one more, or has another value. */
  readonly kind: 'missing' | 'extra' | 'changed';
  /** The fields that differ, with the value of each copy; a value without fields is named `value`. */
  readonly fields: Readonly<Record<string, readonly [first: unknown, second: unknown]>>;
};

export type StoreDifference = {
  readonly store: string;
  readonly partition: number;
  readonly result: 'equal' | 'different' | 'unknown';
  /** Why nothing can be said. */
  readonly detail: string;
  /** Rows compared, and those that have changed beyond the offsets that both copies have come to. */
  readonly rows: number;
  readonly inFlight: number;
  /** Digest of the compared rows of each copy. */
  readonly digests: readonly [first: string, second: string];
  readonly missing: number;
  readonly extra: number;
  readonly changed: number;
  /** In how many changed rows each field differs. */
  readonly fields: Readonly<Record<string, number>>;
  readonly examples: readonly RowDifference[];
};

export type DiffOptions = {
  readonly log: Log;
  readonly signal?: AbortSignal;
  /** Differing rows shown of each store and partition. */
  readonly examples: number;
};

/**
 * Compares the stores of two copies of a topology, partition by partition, from their changelogs: at the offsets that both
 * have come to. A row that one of them has changed since is in flight, and not compared. Holds the rows of one partition of
 * a store in memory, of both copies. Copies of sources are left out: they have no changelog of their own.
 */
export async function* compareCopies(
  first: Topology,
  second: Topology,
  options: DiffOptions,
): AsyncGenerator<StoreDifference> {
  const others = new Map(
    second.subTopologies.flatMap((each) => each.stores.map((store) => [store.name, { store, in: each }])),
  );
  for (const subTopology of first.subTopologies) {
    for (const store of subTopology.stores.filter(({ logged }) => logged)) {
      const other = others.get(store.name);
      for (let partition = 0; partition < subTopology.partitions; partition++) {
        options.signal?.throwIfAborted();
        if (other === undefined) yield unknown(store.name, partition, 'the second copy has no such store');
        else if (other.in.partitions !== subTopology.partitions)
          yield unknown(store.name, partition, `the second copy has ${other.in.partitions} partitions of it`);
        else {
          const copies = [
            { topology: first, subTopology, store },
            { topology: second, subTopology: other.in, store: other.store },
          ] as const;
          yield await compareStore(copies, partition, options);
        }
      }
    }
  }
}

type Copy = {
  readonly topology: Topology;
  readonly subTopology: SubTopology;
  readonly store: StoreDefinition;
};

async function compareStore(
  [first, second]: readonly [Copy, Copy],
  partition: number,
  { log, examples }: DiffOptions,
): Promise<StoreDifference> {
  const { name } = first.store;
  // Before the rows are read: these then hold everything up to there.
  const positions = [
    await positionOf(log, first, partition),
    await positionOf(log, second, partition),
  ] as const;
  const common = commonPosition(...positions);
  if (typeof common === 'string') return unknown(name, partition, common);
  const [ours, theirs] = [await rowsOf(log, first, partition), await rowsOf(log, second, partition)];
  const comparison = new Comparison(first.store.spec.value, second.store.spec.value, examples);
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const [a, b] = [ours.get(key), theirs.get(key)];
    if (isBeyond(a, common[0]) || isBeyond(b, common[1])) comparison.inFlight++;
    else await comparison.add(key, a?.value ?? null, b?.value ?? null);
  }
  return comparison.result(name, partition);
}

function rowsOf(log: Log, { store }: Copy, partition: number) {
  return newestRows(log, { topic: store.changelog, partition });
}

/** By the name of the source, which a copy keeps when its topic is another one. */
type Position = ReadonlyMap<
  string,
  { readonly topic: string; readonly offset: number; readonly isAtEnd: boolean }
>;

async function positionOf(log: Log, { topology, subTopology }: Copy, partition: number): Promise<Position> {
  const places = subTopology.sources.map(({ topic }) => ({ topic: topic.name, partition }));
  const committed = await log.committedOffsets(`${topology.name}-${topology.generation}`, places);
  const described = await log.describeTopics(places.map(({ topic }) => topic));
  const positions = subTopology.sources.map(async ({ name, topic }, i) => {
    const bounds = described.find((each) => each.name === topic.name)?.offsets[partition];
    const offset = committed[i]?.offset ?? bounds?.start ?? 0;
    const isAtEnd = !(await hasRecords(log, { topic: topic.name, partition }, offset, bounds?.stable ?? 0));
    return [name, { topic: topic.name, offset, isAtEnd }] as const;
  });
  return new Map(await Promise.all(positions));
}

/** Heartbeats are none: a copy that stops leaves those of its last commit unread, with no row behind them. */
async function hasRecords(log: Log, place: TopicPartition, from: number, to: number): Promise<boolean> {
  if (from >= to) return false;
  const consumer = await log.consumer();
  try {
    consumer.assign([{ ...place, offset: from }]);
    while ((consumer.position(place) ?? from) < to) {
      for (const batch of await consumer.poll(POLL_MS))
        for (let i = 0; i < batch.count; i++) if (!isHeartbeat(batch, i)) return true;
    }
    return false;
  } finally {
    await consumer.close();
  }
}

/** Up to where the inputs of each copy count, by topic; or why they can't be compared. */
function commonPosition(first: Position, second: Position): readonly [InputOffsets, InputOffsets] | string {
  const shared: [topic: string, first: number, second: number][] = [];
  for (const [name, { topic, offset, isAtEnd }] of first) {
    const other = second.get(name);
    if (other === undefined) return `the second copy does not read ${name}`;
    if (other.topic === topic) shared.push([topic, offset, other.offset]);
    // Offsets of different topics say nothing of each other, but that all has been read does.
    else if (!isAtEnd || !other.isAtEnd)
      return `${topic} and ${other.topic} are not both read to their ends; compare again when they are`;
  }
  const isFirstBehind = shared.every(([, a, b]) => a <= b);
  if (!isFirstBehind && !shared.every(([, a, b]) => a >= b))
    return 'neither copy has read all that the other has; compare again when they have caught up';
  const common = Object.fromEntries(shared.map(([topic, a, b]) => [topic, Math.min(a, b)]));
  return [common, common];
}

function isBeyond(row: NewestRow | undefined, common: InputOffsets): boolean {
  if (row?.position === undefined) return false;
  return Object.entries(row.position).some(
    ([topic, offset]) => offset > (common[topic] ?? Number.POSITIVE_INFINITY),
  );
}

class Comparison {
  inFlight = 0;
  #rows = 0;
  readonly #serdes: readonly [Serde<unknown>, Serde<unknown>];
  readonly #digests = [new Digest(), new Digest()] as const;
  readonly #counts = { missing: 0, extra: 0, changed: 0 };
  readonly #fields: Record<string, number> = {};
  readonly #examples: RowDifference[] = [];
  readonly #most: number;

  constructor(first: Serde<unknown>, second: Serde<unknown>, examples: number) {
    this.#serdes = [first, second];
    this.#most = examples;
  }

  async add(key: string, first: Buffer | null, second: Buffer | null): Promise<void> {
    if (first === null && second === null) return;
    this.#rows++;
    for (const [i, value] of [first, second].entries())
      if (value !== null) this.#count(i as 0 | 1, key, value);
    const kind = second === null ? 'missing' : first === null ? 'extra' : 'changed';
    if (kind === 'changed' && this.#body(0, first as Buffer).equals(this.#body(1, second as Buffer))) return;
    const fields = fieldsOf(await this.#decoded(0, first), await this.#decoded(1, second));
    // Other bytes for the same value: written under another version of its schema.
    if (kind === 'changed' && Object.keys(fields).length === 0) return;
    this.#counts[kind]++;
    if (kind === 'changed')
      for (const field of Object.keys(fields)) this.#fields[field] = (this.#fields[field] ?? 0) + 1;
    if (this.#examples.length < this.#most) this.#examples.push({ key, kind, fields });
  }

  result(store: string, partition: number): StoreDifference {
    const { missing, extra, changed } = this.#counts;
    return {
      store,
      partition,
      result: missing + extra + changed === 0 ? 'equal' : 'different',
      detail: '',
      rows: this.#rows,
      inFlight: this.inFlight,
      digests: [this.#digests[0].toString(), this.#digests[1].toString()],
      ...this.#counts,
      fields: this.#fields,
      examples: this.#examples,
    };
  }

  /** Without the bytes that depend on the registry. */
  #body(copy: 0 | 1, value: Buffer): Buffer {
    return value.subarray(this.#serdes[copy].framing);
  }

  #count(copy: 0 | 1, key: string, value: Buffer): void {
    const { fingerprint, framing } = this.#serdes[copy];
    this.#digests[copy].add(entryHash(Buffer.from(key), value, fingerprint, framing));
  }

  async #decoded(copy: 0 | 1, value: Buffer | null): Promise<unknown> {
    return value && decodeLoading(this.#serdes[copy], value);
  }
}

/** Undefined stands for a field, or a row, that is not there. */
function fieldsOf(first: unknown, second: unknown): RowDifference['fields'] {
  if (!isRecord(first ?? {}) || !isRecord(second ?? {}))
    return isDeepStrictEqual(first, second) ? {} : { value: [first ?? undefined, second ?? undefined] };
  const [a, b] = [(first ?? {}) as Record<string, unknown>, (second ?? {}) as Record<string, unknown>];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (name) => !isDeepStrictEqual(a[name], b[name]),
  );
  return Object.fromEntries(names.map((name) => [name, [a[name], b[name]]]));
}

function isRecord(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

function unknown(store: string, partition: number, detail: string): StoreDifference {
  const nothing = { rows: 0, inFlight: 0, missing: 0, extra: 0, changed: 0 };
  return {
    store,
    partition,
    result: 'unknown',
    detail,
    ...nothing,
    digests: ['', ''],
    fields: {},
    examples: [],
  };
}
