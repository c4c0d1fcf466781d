/** What the benchmark restores: a store of one row a key, filled from a topic; nothing goes out. */

import { avroSerde, deadLetterTopic, StreamsRuntime, type Topic, TopologyBuilder, textKey } from '#engine';
import type { EmbeddedLog } from '#log';
import { runtimeOptions } from '../runtime-options.ts';

const PARTITIONS = 4;
const kept = { policy: 'delete', retentionMs: null } as const;

/** 'newest' keeps a key's newest value, 'count' the number of its records. */
export type Kept = 'newest' | 'count';

export async function openRows(log: EmbeddedLog): Promise<Topic<string, string>> {
  const value = await avroSerde<string>(log.registry, 'rows-value', { type: 'string' });
  const rows = { name: 'rows', partitions: PARTITIONS, cleanup: kept, key: textKey, value };
  await log.createTopics([{ name: rows.name, partitions: PARTITIONS, cleanup: kept }]);
  return rows;
}

/** A runtime that has yet to be started, with its databases below `state`. */
export async function openRuntime(log: EmbeddedLog, kind: Kept, state: string): Promise<StreamsRuntime> {
  const rows = await openRows(log);
  const deadLetters = await deadLetterTopic(log.registry);
  await log.createTopics([deadLetters]);
  const builder = new TopologyBuilder({ name: 'restored', generation: 1 });
  const source = builder.source(rows);
  if (kind === 'newest') {
    source.aggregate('newest', { initial: () => '', add: (_, { value }) => value, value: rows.value });
  } else {
    const value = await avroSerde<number>(log.registry, 'counts-value', { type: 'long' });
    source.aggregate('counts', { initial: () => 0, add: (count) => count + 1, value });
  }
  return new StreamsRuntime(runtimeOptions({ log, topology: builder.build(), deadLetters }, state));
}
