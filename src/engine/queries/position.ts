import type { InputOffsets } from '../task/commit/position.ts';

/**
 * Offsets by topic and partition: everything before them has been taken, nothing behind them has. What an answer
 * stands for (compare Position of Kafka Streams' interactive queries, KIP-796).
 */
export type Position = { readonly [topic: string]: { readonly [partition: string]: number } };

/** The position of one task. */
export function positionOf(partition: number, offsets: InputOffsets): Position {
  const places = Object.entries(offsets).map(([topic, offset]) => [topic, { [partition]: offset }] as const);
  return Object.fromEntries(places);
}

/** Positions of different tasks as one. */
export function unite(positions: readonly Position[]): Position {
  const united: Record<string, Record<string, number>> = {};
  for (const position of positions) {
    for (const [topic, offsets] of Object.entries(position)) united[topic] = { ...united[topic], ...offsets };
  }
  return united;
}

/** Whether a task that has come to `offsets` has taken all that lies before `bound` in its partition. */
export function reaches(partition: number, offsets: InputOffsets, bound: Position): boolean {
  return Object.entries(bound).every(([topic, of]) => (offsets[topic] ?? 0) >= (of[partition] ?? 0));
}
