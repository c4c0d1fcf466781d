import type { InputOffsets } from '../task/commit/position.ts';
import type { TaskRead } from './peers.ts';
import type { Row, Rows, RowsWanted } from './rows.ts';

/** Rows as they cross from one thread to another: all bytes in one buffer, which is handed over and not copied. */
export type PortRows = {
  /** Key, value, key, value: each as long as `lengths` says. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly complete: boolean;
  readonly position: InputOffsets;
};

export function rowsToPort({ rows, complete, position }: Rows): PortRows {
  const parts = rows.flatMap(({ key, value }) => [key, value]);
  const lengths = Uint32Array.from(parts, (part) => part.length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, lengths, complete, position };
}

/** What is handed over with them. */
export function transferOf({ bytes, lengths }: PortRows): ArrayBuffer[] {
  return [bytes.buffer, lengths.buffer];
}

export function rowsFromPort({ bytes, lengths, complete, position }: PortRows): Rows {
  const rows: Row[] = [];
  let at = 0;
  const next = (length: number) => {
    at += length;
    return Buffer.from(bytes.buffer, at - length, length);
  };
  for (let i = 0; i < lengths.length; i += 2) {
    rows.push({ key: next(lengths[i] as number), value: next(lengths[i + 1] as number) });
  }
  return { rows, complete, position };
}

/** A read whose bytes have come from another thread, where a Buffer arrives as a plain array of bytes. */
export function readFromPort({ wanted, ...read }: TaskRead): TaskRead {
  return { ...read, wanted: wantedFromPort(wanted) };
}

function wantedFromPort(wanted: RowsWanted): RowsWanted {
  if ('key' in wanted) return { key: Buffer.from(wanted.key) };
  const { gte, lt } = wanted.range;
  return { range: { gte: Buffer.from(gte), lt: Buffer.from(lt) }, limit: wanted.limit };
}
