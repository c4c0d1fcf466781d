import type { Log } from '#log';
import type { RedisConnection } from './connection.ts';
import { type FollowedView, offsetCount, viewsOf } from './followed-view.ts';
import { type Entity, type Keyspace, SHARDS } from './keyspace.ts';
import { decodeMark, type ShardMark } from './shard-mark.ts';

/** Offsets by topic and partition below which all rows are there. */
export type Offsets = ReadonlyMap<string, readonly number[]>;

export type Progress = {
  readonly offsets: Offsets;
  /** Ms of the wall clock: when the shard that is furthest behind was saved last. */
  readonly savedAt: number;
  /** Ms of event time. */
  readonly watermark: number;
  readonly isSealed: boolean;
};

const shards = Array.from({ length: SHARDS }, (_, shard) => shard);

export function marksOf(keys: Keyspace, generation: string, entity: Entity): string[] {
  return shards.map((shard) => keys.mark(generation, entity, shard));
}

/** How far a generation is: as far as the shard that is furthest behind. Undefined where one is missing. */
export async function readProgress(
  connection: RedisConnection,
  keys: Keyspace,
  generation: string,
  views: readonly FollowedView[],
): Promise<Progress | undefined> {
  const offsets = new Map<string, readonly number[]>();
  const marks: ShardMark[] = [];
  for (const entity of new Set(views.map((view) => view.entity))) {
    const found = await connection.mget(marksOf(keys, generation, entity));
    const ofEntity = found.map((bytes) => decodeMark(bytes, offsetCount(views, entity)));
    if (!ofEntity.every((mark) => mark !== undefined)) return undefined;
    marks.push(...ofEntity);
    let at = 0;
    for (const { topic } of viewsOf(views, entity)) {
      const from = at;
      const least = (partition: number) =>
        Math.min(...ofEntity.map((mark) => mark.offsets[from + partition] as number));
      offsets.set(
        topic.name,
        Array.from({ length: topic.partitions }, (_, partition) => least(partition)),
      );
      at += topic.partitions;
    }
  }
  return {
    offsets,
    savedAt: Math.min(...marks.map((mark) => mark.savedAt)),
    watermark: Math.max(...marks.map((mark) => mark.watermark)),
    isSealed: marks.some((mark) => mark.isSealed),
  };
}

/** The stable end of each partition: what can be read now lies below it. */
export async function stableEnds(log: Log, views: readonly FollowedView[]): Promise<Offsets> {
  const described = await log.describeTopics(views.map(({ topic }) => topic.name));
  return new Map(described.map(({ name, offsets }) => [name, offsets.map(({ stable }) => stable)]));
}

export function hasReached(offsets: Offsets, ends: Offsets): boolean {
  return recordsBehind(offsets, ends) === 0;
}

/** The higher offset of each partition. */
export function furthest(one: Offsets, other: Offsets): Offsets {
  const both = new Map(one);
  for (const [topic, offsets] of other) {
    const before = one.get(topic) ?? [];
    const count = Math.max(before.length, offsets.length);
    const highest = (partition: number) => Math.max(before[partition] ?? 0, offsets[partition] ?? 0);
    both.set(
      topic,
      Array.from({ length: count }, (_, partition) => highest(partition)),
    );
  }
  return both;
}

/** Sum over the partitions of how far `offsets` lie below `ends`; an upper bound where offsets have gaps. */
export function recordsBehind(offsets: Offsets, ends: Offsets): number {
  let behind = 0;
  for (const [topic, ofTopic] of ends) {
    for (const [partition, end] of ofTopic.entries()) {
      behind += Math.max(0, end - (offsets.get(topic)?.[partition] ?? 0));
    }
  }
  return behind;
}
