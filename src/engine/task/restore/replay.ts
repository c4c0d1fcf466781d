import type { Log, ReadEntry, RecordBatch } from '#log';
import { type Clock, type Logger, type Metrics, RetryableError } from '#platform';
import { isOfRecord } from '../../operators/operator.ts';
import { rejectedRecords } from '../../operators/operator-flow.ts';
import { decodeLoading } from '../../serde.ts';
import { ChangelogReplay } from '../../store/changelog-replay.ts';
import type { Change, Database } from '../../store/port.ts';
import { readPositionHeader } from '../commit/position.ts';
import type { OpenStore } from './open-store.ts';
import type { RestoreProgress } from './restore-progress.ts';

const POLL_MS = 1000;

/** Bytes of the changelog read at a time; larger chunks outlive the garbage collector's nursery. */
const CHUNK_BYTES = 256 * 1024;

export type ReplayEnvironment = {
  readonly partition: number;
  readonly log: Pick<Log, 'consumer'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly restore?: RestoreProgress;
};

/** The part of a store's changelog, or of the source that it is a copy of, which the store lacks. */
export class Replay {
  readonly #open: OpenStore;
  readonly #until: number;
  readonly #environment: ReplayEnvironment;
  readonly #target: ChangelogReplay;
  readonly #decodes: boolean;

  /** `isSuspect`: its values may be such as can't be decoded. */
  constructor(
    open: OpenStore,
    database: Database,
    until: number,
    { isEmpty, isSuspect }: { readonly isEmpty: boolean; readonly isSuspect: boolean },
    environment: ReplayEnvironment,
  ) {
    this.#open = open;
    this.#until = until;
    this.#environment = environment;
    const { name, spec } = open.definition;
    const replayed = { name, digest: open.store.digest, serde: spec.value };
    this.#target = new ChangelogReplay(replayed, database, until - open.offset, isEmpty);
    // Decoding all of a store takes longer than writing it, so a whole restore does so only after one that went wrong.
    this.#decodes = !isEmpty || isSuspect;
  }

  /** Moves the store on; `write` is given what it becomes. */
  async run(write: (changes: AsyncIterable<Change[]>) => Promise<void>): Promise<void> {
    const { log, clock, restore, partition } = this.#environment;
    const open = this.#open;
    const consumer = await log.consumer({ maxBytes: CHUNK_BYTES });
    try {
      consumer.assign([{ topic: open.definition.changelog, partition, offset: open.offset }]);
      while (open.offset < this.#until) {
        const batches = await consumer.poll(POLL_MS);
        restore?.signal.throwIfAborted();
        open.assertTombstonesKept(clock.now());
        for (const batch of batches) await this.#take(batch);
        if (this.#target.isFull || open.offset === this.#until) await write(this.#target.changes());
      }
    } finally {
      await consumer.close();
    }
  }

  /** Applies a batch's records before the end, as the store holds them, and moves past it. */
  async #take(batch: RecordBatch): Promise<void> {
    const open = this.#open;
    const { logged, changelog, spec } = open.definition;
    const { add } = this.#target;
    const isFramed = framedAs(spec.value.framing);
    const count = recordsBefore(batch, this.#until);
    for (let i = 0; i < count; i++) {
      if (!logged) await this.#addOwn(batch, i);
      else if (!batch.readEntry(i, isFramed) || (this.#decodes && !(await this.#isReadable(batch, i))))
        this.#passOver(batch, i);
      else batch.readEntry(i, add);
    }
    if (logged && count > 0) open.position = readPositionHeader(batch, count - 1);
    const reached = Math.max(open.offset, Math.min(batch.nextOffset, this.#until));
    this.#environment.restore?.advance(reached - open.offset);
    open.offset = reached;
    if (!logged) open.position = { [changelog]: reached };
  }

  async #isReadable(batch: RecordBatch, index: number): Promise<boolean> {
    const bytes = batch.value(index);
    try {
      if (bytes !== null) await decodeLoading(this.#open.definition.spec.value, bytes);
      return true;
    } catch (error) {
      if (error instanceof RetryableError) throw error;
      return false;
    }
  }

  /** Somebody else has written to the changelog; the row stays as it was. */
  #passOver(batch: RecordBatch, index: number): void {
    const { logger, metrics } = this.#environment;
    const { name, changelog } = this.#open.definition;
    const place = { topic: changelog, partition: batch.partition, offset: batch.offset(index) };
    rejectedRecords(metrics).inc({ operator: name, reason: 'MR_AVRO_DECODE' });
    logger.warn({ store: name, ...place }, 'a record of a changelog can’t be decoded and is passed over');
  }

  /**
   * A source's record was written by somebody else: a copy holds it as the live task would have stored it, and passes
   * over what the live task has sent to the dead letters.
   */
  async #addOwn(batch: RecordBatch, index: number): Promise<void> {
    const { definition, store } = this.#open;
    const { add } = this.#target;
    const text = batch.key(index)?.toString();
    if (text === undefined || batch.timestamp(index) < 0) return;
    const value = batch.value(index);
    try {
      const key = Buffer.from(definition.spec.keyText?.(text) ?? text);
      if (value === null) return add(key, 0, key.length, -1, -1);
      const own = Buffer.concat([key, await store.values.reencode(value)]);
      add(own, 0, key.length, key.length, own.length);
    } catch (error) {
      if (!isOfRecord(error)) throw error;
      const { logger } = this.#environment;
      logger.warn({ err: error, store: definition.name }, 'an undecodable record is passed over');
    }
  }
}

/** Whether a value can begin with this many bytes of framing: the wire format of schema registries begins with a zero. */
function framedAs(framing: number): ReadEntry<boolean> {
  if (framing === 0) return () => true;
  return (bytes, _keyStart, _keyEnd, start, end) => end < 0 || (end - start >= framing && bytes[start] === 0);
}

/** How many of a batch's records lie before an offset. */
export function recordsBefore(batch: RecordBatch, until: number): number {
  if (batch.nextOffset <= until) return batch.count;
  let count = 0;
  while (count < batch.count && batch.offset(count) < until) count++;
  return count;
}
