import type { RecordBatch } from '#log';
import type { Clock } from '#platform';
import { type RawRecord, RecordList, type TakenRecord } from '../../operators/record.ts';
import { Timeline } from '../../time/timeline.ts';
import {
  isHeartbeat,
  NO_WATERMARK,
  PartitionWatermark,
  readWatermarkHeader,
  type WatermarkState,
} from '../../time/watermark.ts';
import type { SourceNode } from '../../topology/node.ts';
import { holdingTime } from '../../topology/time.ts';
import type { Journal } from '../commit/journal.ts';

/** One input partition of a task: what has been fetched and not yet processed. */
export class InputPartition {
  readonly node: SourceNode;
  readonly watermark: PartitionWatermark;
  /** The watermark as the operators have seen it. */
  readonly time = new Timeline();
  /** The offset from which a restart goes on: everything before it is in the task's current transaction or earlier. */
  position = 0;
  /** The offset behind everything that is buffered. */
  fetchPosition = 0;
  bufferedRecords = 0;
  /** Bytes of the batches that hold them. */
  bufferedBytes = 0;
  /** Bytes of the batches whose records were taken since the last commit. */
  takenBytes = 0;
  /** Whether the log had nothing beyond what has been fetched, when it was last asked. */
  fetchedAll = false;
  /** Monotonic time at which it was first seen to have nothing, and the log neither; where that is waited for. */
  emptySince: number | undefined;
  readonly #batches: RecordBatch[] = [];
  /** Those whose records have all been taken, and are on their way through the operators. */
  readonly #taken: RecordBatch[] = [];
  /** Index of the next record within the first batch. */
  #cursor = 0;

  /** Whether the task's watermark waits for this input's. */
  readonly holdsWatermark: boolean;

  constructor(node: SourceNode, holdsWatermark = true) {
    this.node = node;
    this.holdsWatermark = holdsWatermark;
    this.watermark = new PartitionWatermark(
      node.watermark === 'carried' ? undefined : node.watermark.outOfOrderMs,
    );
  }

  /**
   * Whether a round that found nothing to process has found nothing here. A record that waits for the watermark blocks
   * all later ones, fetched or not.
   */
  get hasNothingDue(): boolean {
    return this.bufferedRecords === 0 ? this.fetchedAll : this.node.release === 'at-watermark';
  }

  /** Takes note of a record's timestamp, unless it lies too far in the future to be believed. */
  observe(timestamp: number, wallNow: number): void {
    const { watermark } = this.node;
    const futureMs = watermark === 'carried' ? undefined : watermark.futureMs;
    if (futureMs === undefined || timestamp <= wallNow + futureMs) this.watermark.observe(timestamp);
  }

  /** For the metadata of a commit: the watermark, and how much of it the operators have seen, where that is less. */
  saveWatermark(): WatermarkState {
    const state = this.watermark.save();
    const { last } = this.time;
    return last < this.watermark.value ? { ...state, seen: Number.isFinite(last) ? last : null } : state;
  }

  restoreWatermark(state: WatermarkState): void {
    this.watermark.restore(state);
    this.time.startAt(state.seen === undefined ? this.watermark.value : (state.seen ?? NO_WATERMARK));
  }

  seek(offset: number): void {
    this.position = offset;
    this.fetchPosition = offset;
  }

  buffer(batch: RecordBatch): void {
    this.fetchPosition = batch.nextOffset;
    this.bufferedRecords += batch.count;
    if (batch.count > 0) {
      this.emptySince = undefined;
      this.#batches.push(batch);
      this.bufferedBytes += batch.byteLength;
    } else if (this.#batches.length === 0) this.position = batch.nextOffset;
  }

  /** Timestamp of the next record, or undefined when none is buffered. */
  headTimestamp(): number | undefined {
    return this.#batches[0]?.timestamp(this.#cursor);
  }

  get isAtHeartbeat(): boolean {
    const [batch] = this.#batches;
    return batch !== undefined && isHeartbeat(batch, this.#cursor);
  }

  /** Moves beyond the record at the head; gives its index within `batch`. */
  take(batch: RecordBatch): number {
    const index = this.#cursor++;
    this.bufferedRecords--;
    if (this.#cursor < batch.count) {
      this.position = batch.offset(index) + 1;
    } else {
      this.position = batch.nextOffset;
      this.bufferedBytes -= batch.byteLength;
      this.takenBytes += batch.byteLength;
      this.#batches.shift();
      this.#taken.push(batch);
      this.#cursor = 0;
    }
    return index;
  }

  /** What has been taken has gone through the operators: no collector need look for its batches, which no other task reads. */
  endBatch(): void {
    // Other values may be slices of their batch.
    const mayFree = this.node.topic.value.decodeAt !== undefined;
    for (const batch of this.#taken) if (mayFree) batch.free();
    this.#taken.length = 0;
  }

  /** The batch of the record at the head, while one is buffered. */
  get batch(): RecordBatch {
    return this.#batches[0] as RecordBatch;
  }
}

/** How long an input that has been read to its end is waited for while others have records. */
export type IdleWait = { readonly clock: Pick<Clock, 'monotonic'>; readonly idleWaitMs: number };

/**
 * The inputs of a task, merged by timestamp as far as data has arrived (Kafka Streams' rule: a partition that has
 * more to fetch is waited for, one that has been read to its end for a bounded time, `max.task.idle.ms`, or not at all).
 */
export class TaskInput {
  readonly partitions: readonly InputPartition[];
  /** Told of each record that is taken. */
  journal: Journal | undefined;
  /** In a replay, says where the next record comes from; undefined ends a `take`. */
  order: (() => InputPartition | undefined) | undefined;
  /** The records of the batch at hand; the objects serve again for the next. */
  readonly #taken = new RecordList<RawRecord>();
  readonly #pool: TakenRecord[] = [];
  /** What a replay's `order` has named and no `take` has got to yet. */
  #held: InputPartition | undefined;

  readonly #wait: IdleWait | undefined;

  /** Without `wait`, an input that has been read to its end is not waited for. */
  constructor(sources: readonly SourceNode[], wait: IdleWait | undefined = undefined) {
    this.#wait = wait !== undefined && wait.idleWaitMs > 0 ? wait : undefined;
    const holds = holdingTime(sources);
    this.partitions = sources.map((node) => new InputPartition(node, holds.includes(node)));
  }

  /** The least watermark of the stream inputs; where there are none, of the tables. */
  get watermark(): number {
    return this.#watermarkOf('at-watermark');
  }

  /** Whether the batch at hand moves time on. */
  get timePassed(): boolean {
    return this.partitions.some(({ time }) => time.last > (time.at[0] as number));
  }

  /** Whether a watermark has moved on without a record: an idle input follows the wall clock. */
  get hasAdvanced(): boolean {
    return this.partitions.some(({ watermark, time }) => watermark.value > time.last);
  }

  /** A batch without records in which no time passes. */
  rest(): void {
    for (const { time } of this.partitions) {
      time.begin();
      time.end(1, time.last);
    }
  }

  /**
   * Takes up to `max` records in order of processing; they hold until the next call. What moves a watermark without a
   * record, a heartbeat or the wall clock, does so in a step of its own, so that timers fire between the records before
   * it and those after it, wherever a batch ends.
   */
  take(max: number, wallNow: number): RecordList<RawRecord> {
    const records = this.#taken;
    records.length = 0;
    for (const { time } of this.partitions) time.begin();
    if (!this.hasAdvanced) this.#take(max, wallNow);
    const steps = Math.max(1, records.length);
    for (const { time, watermark } of this.partitions) time.end(steps, watermark.value);
    return records;
  }

  #take(max: number, wallNow: number): void {
    const records = this.#taken;
    for (let taken = 0; taken < max; taken++) {
      const input = this.#held ?? (this.order === undefined ? this.#next() : this.order());
      this.#held = undefined;
      if (input === undefined) break;
      if (input.isAtHeartbeat && records.length > 0) {
        if (this.order !== undefined) this.#held = input;
        break;
      }
      const before = input.watermark.value;
      const { batch } = input;
      const index = input.take(batch);
      this.journal?.took(input, batch, index);
      const carried = readWatermarkHeader(batch, index);
      if (!isHeartbeat(batch, index)) {
        input.observe(batch.timestamp(index), wallNow);
        this.#note(input.node.name, batch, index);
      }
      if (carried !== undefined) input.watermark.announce(carried);
      const { value } = input.watermark;
      if (records.length > 0) input.time.reach(records.length, value);
      else if (value > before) break;
    }
  }

  /** For how long yet what is buffered has to wait for inputs that are empty; 0 where it need not, or a fetch is due. */
  get heldForMs(): number {
    let longest = 0;
    for (const input of this.partitions) {
      if (input.bufferedRecords > 0) continue;
      if (!input.fetchedAll) return 0;
      longest = Math.max(longest, this.#waitLeftMs(input));
    }
    return longest;
  }

  #waitLeftMs(input: InputPartition): number {
    if (this.#wait === undefined || input.node.release === 'at-watermark') return 0;
    const { clock, idleWaitMs } = this.#wait;
    const now = clock.monotonic();
    input.emptySince ??= now;
    return Math.max(0, input.emptySince + idleWaitMs - now);
  }

  #note(source: string, batch: RecordBatch, index: number): void {
    const sequence = this.#taken.length;
    const record = this.#pool[sequence];
    if (record === undefined) this.#pool.push({ source, batch, index, sequence });
    else {
      record.source = source;
      record.batch = batch;
      record.index = index;
    }
    this.#taken.push(this.#pool[sequence] as TakenRecord);
  }

  #next(): InputPartition | undefined {
    let next: InputPartition | undefined;
    let isHeld = false;
    let earliest = Number.POSITIVE_INFINITY;
    for (const input of this.partitions) {
      const head = input.headTimestamp();
      if (head === undefined) {
        if (!input.fetchedAll) return undefined;
        if (this.#wait !== undefined && this.#waitLeftMs(input) > 0) isHeld = true;
      } else if (head < earliest && this.#isReleased(input, head)) {
        next = input;
        earliest = head;
      }
    }
    return isHeld ? undefined : next;
  }

  /** Whether the record at the head of an input, and so every later one, waits for the watermark. */
  isWaiting(input: InputPartition): boolean {
    const head = input.headTimestamp();
    return head !== undefined && !this.#isReleased(input, head);
  }

  #isReleased(input: InputPartition, timestamp: number): boolean {
    if (input.node.release === 'on-arrival') return true;
    return this.#watermarkOf('on-arrival') > timestamp;
  }

  /** Watermark of the inputs read on arrival, or ('at-watermark') including those that wait for a watermark. */
  #watermarkOf(release: SourceNode['release']): number {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.partitions.length; i++) {
      const input = this.partitions[i] as InputPartition;
      if (!input.holdsWatermark || (release === 'on-arrival' && input.node.release !== release)) continue;
      const { value } = input.watermark;
      if (value < least) least = value;
    }
    return least === Number.POSITIVE_INFINITY ? NO_WATERMARK : least;
  }
}
