import type { StoredRow } from '#log';

/** A stored batch of a partition; an empty one says that those of the partition so far count no longer. */
export type LogEntry = StoredRow & { readonly partitionId: number };

const NOTHING = new Uint8Array(0);

export const isRestart = ({ batch }: LogEntry): boolean => batch.length === 0;

/**
 * Batches one after another, as an object of a backup holds them. Little endian: u32 partition id, f64 base offset, f64
 * next offset, f64 newest timestamp, u32 length, then the batch as the log stores it.
 */
const HEADER_BYTES = 32;

export class EntryWriter {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;

  get byteLength(): number {
    return this.#bytes;
  }

  add({ partitionId, baseOffset, nextOffset, newest, batch }: LogEntry): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(partitionId, 0);
    header.writeDoubleLE(baseOffset, 4);
    header.writeDoubleLE(nextOffset, 12);
    header.writeDoubleLE(newest, 20);
    header.writeUInt32LE(batch.length, 28);
    this.#pieces.push(header, batch);
    this.#bytes += HEADER_BYTES + batch.length;
  }

  /** The partition is written once more, from its start on. */
  restart(partitionId: number): void {
    this.add({ partitionId, baseOffset: 0, nextOffset: 0, newest: 0, batch: NOTHING });
  }

  /** What was added, and nothing is held any more. */
  take(): Buffer {
    const all = Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces.length = 0;
    this.#bytes = 0;
    return all;
  }
}

/** The entries of an object, whose checksum was found right. */
export function* entriesOf(content: Buffer): Generator<LogEntry> {
  for (let at = 0; at < content.length; ) {
    const length = content.readUInt32LE(at + 28);
    const batch = content.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
    yield {
      partitionId: content.readUInt32LE(at),
      baseOffset: content.readDoubleLE(at + 4),
      nextOffset: content.readDoubleLE(at + 12),
      newest: content.readDoubleLE(at + 20),
      batch,
    };
    at += HEADER_BYTES + length;
  }
}
