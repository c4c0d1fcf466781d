import { NO_WATERMARK, watermarkHeader } from '../time/watermark.ts';
import type { SubTopology } from '../topology/topology.ts';
import type { Outbox } from './outbox.ts';

type Target = {
  readonly topic: string;
  readonly partition: number;
  readonly writer: number;
  readonly writers: number;
  /** Whether a partition without records gets a record for the watermark alone. */
  readonly heartbeat: boolean;
  sent: number;
};

/**
 * Announces a task's watermark on the topics that it writes: in a header of the last record that a commit adds to
 * a partition, or, where a topic's readers wait for the watermark, in a record of its own.
 */
export class Heartbeats {
  readonly #targets: Target[] = [];

  constructor(topology: SubTopology, partition: number) {
    for (const { topic, partitioning, heartbeat } of topology.sinks) {
      if (!heartbeat) continue;
      if (partitioning === 'same') {
        this.#add(topic.name, partition, 0, 1, true);
      } else {
        for (let to = 0; to < topic.partitions; to++) {
          this.#add(topic.name, to, partition, topology.partitions, true);
        }
      }
    }
    for (const { changelog, logged } of topology.stores) {
      if (logged) this.#add(changelog, partition, 0, 1, false);
    }
  }

  isDue(watermark: number): boolean {
    return this.#targets.some((target) => target.heartbeat && target.sent < watermark);
  }

  /** Adds the watermark to what is about to be committed. */
  stamp(outbox: Outbox, watermark: number): void {
    if (watermark === NO_WATERMARK) return;
    for (const target of this.#targets) {
      if (target.sent >= watermark) continue;
      const header = watermarkHeader({ writer: target.writer, writers: target.writers, ms: watermark });
      const records = outbox.peek(target.topic, target.partition);
      if (records !== undefined && records.length > 0) {
        records.addHeader(header);
      } else if (target.heartbeat) {
        // Everything before the watermark has been said: the last instant that this covers.
        const record = { key: null, value: null, timestamp: watermark - 1, headers: [header] };
        outbox.add(target.topic, target.partition, record);
      } else {
        continue;
      }
      target.sent = watermark;
    }
  }

  #add(topic: string, partition: number, writer: number, writers: number, heartbeat: boolean): void {
    this.#targets.push({ topic, partition, writer, writers, heartbeat, sent: NO_WATERMARK });
  }
}
