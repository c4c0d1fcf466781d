/** Offsets of a task's inputs by topic, all in the task's partition: everything before them has been taken. */
import type { Header, RecordBatch } from '#log';
export type InputOffsets = { readonly [topic: string]: number };

const HEADER = 'mr-position';

/**
 * On the last changelog record of a commit: what the store stands for once it holds the record (compare the
 * consistency vector of Kafka Streams' changelogs, KIP-796).
 */
export function positionHeader(position: InputOffsets): Header {
  return [HEADER, Buffer.from(JSON.stringify(position))];
}

/** Those that mean the same in a copy of the log, where every record has another offset. */
export function portableHeaders(headers: readonly Header[]): readonly Header[] {
  return headers.some(([name]) => name === HEADER) ? headers.filter(([name]) => name !== HEADER) : headers;
}

/** Undefined where the record is none that ends a commit. */
export function readPositionHeader(batch: RecordBatch, index: number): InputOffsets | undefined {
  for (const [name, value] of batch.headers(index)) {
    if (name === HEADER) return JSON.parse(value.toString()) as InputOffsets;
  }
  return undefined;
}
