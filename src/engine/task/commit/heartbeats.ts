import type { Outbox } from '../../operators/outbox.ts';
import type { Timeline } from '../../time/timeline.ts';
import { NO_WATERMARK, watermarkHeader } from '../../time/watermark.ts';
import type { SubTopology } from '../../topology/topology.ts';

type Target = {
  readonly topic: string;
  readonly partition: number;
  readonly writer: number;
  readonly writers: number;
  /** Whether a partition without records gets a record for the watermark alone. */
  readonly heartbeat: boolean;
  /** The watermark of what is written there. */
  readonly time: Timeline;
  sent: number;
};

/**
 * Announces watermarks on the topics that a task writes, to each that of the operator which writes it: in a header of the
 * last record that a commit adds to a partition, or, where a topic's readers wait for it, in a record of its own.
 */
export class Heartbeats {
  readonly #targets: Target[] = [];

  /** `times`: the watermark of each node. */
  constructor(topology: SubTopology, partition: number, times: ReadonlyMap<string, Timeline>) {
    const timeOf = (node: string) => times.get(node) as Timeline;
    for (const { name, topic, partitioning, heartbeat } of topology.sinks) {
      if (!heartbeat) continue;
      const time = timeOf(name);
      if (partitioning === 'same') {
        this.#add({ topic: topic.name, partition, writer: 0, writers: 1, heartbeat, time });
      } else {
        const { partitions: writers } = topology;
        for (let to = 0; to < topic.partitions; to++)
          this.#add({ topic: topic.name, partition: to, writer: partition, writers, heartbeat, time });
      }
    }
    for (const { node, changelog, logged } of topology.stores) {
      const time = timeOf(node);
      if (logged) this.#add({ topic: changelog, partition, writer: 0, writers: 1, heartbeat: false, time });
    }
  }

  /** Whether there is a watermark to announce, a record or not. */
  get isDue(): boolean {
    return this.#targets.some(({ heartbeat, sent, time }) => heartbeat && sent < time.last);
  }

  /** Adds the watermarks to what is about to be committed. */
  stamp(outbox: Outbox): void {
    for (const target of this.#targets) {
      const watermark = target.time.last;
      if (watermark === NO_WATERMARK || target.sent >= watermark) continue;
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

  #add(target: Omit<Target, 'sent'>): void {
    this.#targets.push({ ...target, sent: NO_WATERMARK });
  }
}
