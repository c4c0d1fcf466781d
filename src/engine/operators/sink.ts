import { partitionFor } from '../log/partitioner.ts';
import type { Header } from '../log/port.ts';
import type { Outbox } from '../task/outbox.ts';
import type { SinkNode } from '../topology/node.ts';
import type { Operator, Step } from './operator.ts';
import type { FlowRecord } from './record.ts';

/** Encodes records for a topic and leaves them in the outbox of the next commit. */
export class SinkOperator implements Operator {
  readonly input: FlowRecord[] = [];
  readonly #node: SinkNode;
  readonly #outbox: Outbox;
  readonly #ownPartition: number;

  constructor(node: SinkNode, outbox: Outbox, ownPartition: number) {
    this.#node = node;
    this.#outbox = outbox;
    this.#ownPartition = ownPartition;
  }

  run(step: Step): void {
    const { topic, partitioning } = this.#node;
    for (const record of this.input) {
      try {
        const text = this.#node.keyOf(record);
        if (text === null && this.#node.nullKeys === 'drop') {
          step.drop(this.#node.name, 'null-key');
          continue;
        }
        const key = text === null ? null : Buffer.from(text);
        const value = record.value === null ? null : this.#node.value.encode(record.value);
        const partition =
          partitioning === 'same' || key === null ? this.#ownPartition : partitionFor(key, topic.partitions);
        this.#outbox.add(topic.name, partition, {
          key,
          value,
          timestamp: record.timestamp,
          ...(record.trace && { headers: [['traceparent', record.trace] satisfies Header] }),
        });
      } catch (error) {
        step.reject(record, this.#node.name, error);
      }
    }
  }
}
