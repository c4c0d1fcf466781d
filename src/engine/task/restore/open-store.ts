import type { Cleanup, TopicDescription } from '#log';
import { RetryableError } from '#platform';
import { CachedStore } from '../../store/cached-store.ts';
import { Digest } from '../../store/digest.ts';
import type { Database } from '../../store/port.ts';
import type { StoreDefinition } from '../../topology/topology.ts';
import type { InputOffsets } from '../commit/position.ts';

/** How far a store has come, kept in the same atomic write as its entries. */
type StoreMark = {
  /** Changelog records before this offset are in the store. */
  readonly offset: number;
  /** The changelog that the offset is of, with its number of partitions: recreated, it is another one. */
  readonly changelog?: string;
  /** Input offsets that its entries stand for; absent while a commit of its former owner is in it by half. */
  readonly position?: InputOffsets;
  readonly digest: string;
  /** Fingerprint of the schema that the digest was made with. */
  readonly fingerprint: string;
};

export type Marks = {
  readonly stores: { readonly [name: string]: StoreMark };
  /** Wall-clock time: a store older than the changelog keeps its tombstones can't be brought up to date. */
  readonly committedAt: number;
};

/** The row of a task's database that tells how far its stores have come. */
export const MARKS_KEY = Buffer.from([0]);

/**
 * For how long after a copy was whole the tombstones of its topic are counted upon, ms. Half of the time for which the log
 * keeps them: the process that made the copy, this one and the log measure by wall clocks of their own, which may be hours apart.
 */
export function tombstonesTrustedMs(cleanup: Cleanup): number {
  return cleanup.policy === 'compact' ? cleanup.tombstoneRetentionMs / 2 : Number.POSITIVE_INFINITY;
}

/** What the log has of a store's changelog, and when. */
export type Found = {
  readonly topic: TopicDescription | undefined;
  readonly start: number;
  /** Up to where the store may have come. */
  readonly until: number;
  readonly inputOffsets: ReadonlyMap<string, number>;
  readonly now: number;
};

/** A store of an open task, and how far it has come. */
export class OpenStore {
  readonly definition: StoreDefinition;
  readonly store: CachedStore<unknown>;
  offset = 0;
  position: InputOffsets | undefined;
  /** The wall-clock time from which on the changelog's tombstones are there for this store. */
  tombstonesSeenAt = 0;
  #tombstonesTrustedMs = Number.POSITIVE_INFINITY;
  /** Its name and its number of partitions. */
  #changelog = '';

  constructor(definition: StoreDefinition, database: Database, cacheEntries: number) {
    this.definition = definition;
    this.store = new CachedStore(definition.name, database, definition.spec.value, cacheEntries);
  }

  get mark(): StoreMark {
    const { offset, position } = this;
    const { digest, values } = this.store;
    const mark = {
      offset,
      changelog: this.#changelog,
      digest: digest.toString(),
      fingerprint: values.fingerprint,
    };
    return position === undefined ? mark : { ...mark, position };
  }

  /**
   * Takes the local copy as it is marked, to be brought up to date; 'misfit' and 'none' where it has to be restored
   * whole. `committedAt`: when it was marked so.
   */
  async takeOver(
    mark: StoreMark | undefined,
    committedAt: number,
    { topic, start, until, inputOffsets, now }: Found,
  ): Promise<'taken' | 'misfit' | 'none'> {
    this.offset = start;
    this.tombstonesSeenAt = now;
    this.#changelog = `${this.definition.changelog}/${topic?.partitions ?? 0}`;
    if (topic !== undefined) this.#tombstonesTrustedMs = tombstonesTrustedMs(topic.cleanup);
    if (mark === undefined || (mark.changelog ?? this.#changelog) !== this.#changelog) return 'none';
    const isExpired = mark.offset < until && committedAt < now - this.#tombstonesTrustedMs;
    // A log that has lost the end of a transaction still holds its records, aborted: the offset alone says nothing.
    const isAhead = Object.entries(mark.position ?? {}).some(
      ([input, offset]) => offset > (inputOffsets.get(input) ?? 0),
    );
    if (mark.offset < start || mark.offset > until || isAhead || isExpired) return 'misfit';
    this.offset = mark.offset;
    if (mark.offset < until) this.tombstonesSeenAt = committedAt;
    this.position = mark.position;
    const { digest, values } = this.store;
    if (mark.fingerprint === values.fingerprint) digest.set(Digest.fromHex(mark.digest));
    else await this.store.recomputeDigest();
    return 'taken';
  }

  /** A tombstone that was cleaned away before it was read here would leave its row for ever. */
  assertTombstonesKept(now: number): void {
    if (now - this.tombstonesSeenAt <= this.#tombstonesTrustedMs) return;
    const hint = 'nothing to do: it is opened again, and restored whole';
    throw new RetryableError(
      'MR_STORE_OUTDATED',
      `${this.definition.name} was not brought up to date for longer than its changelog keeps tombstones`,
      { hint },
    );
  }
}
