import { type Header, partitionFor } from '#log';
import { InputError } from '#platform';
import type { Serde } from '../serde.ts';
import type { SinkNode, SourceNode } from '../topology/node.ts';
import type { Operator, Step } from './operator.ts';
import type { Outbox } from './outbox.ts';
import { type RawRecord, RecordList } from './record.ts';
import { isTime, noTime, shown } from './record-checks.ts';

/** Encodes records for a topic and leaves them in the outbox of the next commit. */
export class SinkOperator implements Operator {
  readonly input = new RecordList();
  readonly #node: SinkNode;
  readonly #outbox: Outbox;
  readonly #ownPartition: number;

  /** Sources whose values this sink would write as they do. */
  readonly #alike: ReadonlySet<string>;

  constructor(node: SinkNode, outbox: Outbox, ownPartition: number, sources: readonly SourceNode[] = []) {
    const { fingerprint, isOwnAt } = node.value;
    const alike = sources.filter(({ topic: { value } }) => value.fingerprint.equals(fingerprint));
    this.#alike = new Set(isOwnAt === undefined ? [] : alike.map(({ name }) => name));
    this.#node = node;
    this.#outbox = outbox;
    this.#ownPartition = ownPartition;
  }

  run(step: Step): void {
    const { topic, partitioning } = this.#node;
    for (let i = 0; i < this.input.length; i++) {
      const record = this.input.at(i);
      try {
        const key = this.#node.keyOf(record);
        if (key === null && this.#node.nullKeys === 'drop') {
          step.drop(this.#node.name, 'null-key');
          continue;
        }
        if (key === null && this.#node.nullKeys === 'reject')
          throw new InputError('MR_RECORD_NULL_KEY', `a record of compacted ${topic.name} has no key`);
        if (!isTime(record.timestamp))
          throw noTime(`${this.#node.name}: the record ${shown(key)} has`, record.timestamp);
        const partition =
          partitioning === 'same' || key === null ? this.#ownPartition : partitionFor(key, topic.partitions);
        const { timestamp, trace } = record;
        const headers: readonly Header[] | undefined = trace && [['traceparent', trace]];
        if (record.value === null) this.#outbox.put(topic.name, partition, key, null, timestamp, headers);
        else if (record.raw !== undefined && this.#isWritten(record.raw))
          this.#outbox.putValue(topic.name, partition, key, record.raw, verbatim, timestamp, headers);
        else
          this.#outbox.putValue(
            topic.name,
            partition,
            key,
            record.value,
            this.#node.value,
            timestamp,
            headers,
          );
      } catch (error) {
        step.reject(record, this.#node.name, error);
      }
    }
  }

  /** Whether a value was read as it would be written: nothing but its key, its time or its topic changes. */
  #isWritten({ source, batch, index }: RawRecord): boolean {
    return this.#alike.has(source) && batch.readValue(index, this.#isOwnAt) === true;
  }

  readonly #isOwnAt = (bytes: Buffer, start: number, end: number) =>
    this.#node.value.isOwnAt?.(bytes, start, end) === true;
}

/** Writes a value as it was read. */
const verbatim: Pick<Serde<RawRecord>, 'encode' | 'encodeInto'> = {
  encode: ({ batch, index }) => batch.value(index) as Buffer,
  encodeInto: ({ batch, index }, target, at) =>
    batch.readValue(index, (bytes, start, end) => {
      const after = at + end - start;
      if (after > target.length) return target.length - after;
      bytes.copy(target, at, start, end);
      return after;
    }) as number,
};
