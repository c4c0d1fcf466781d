import { PRODUCER_EPOCH, PRODUCER_ID, readInt64, SEQUENCE, writeInt64 } from '../../records/batch-format.ts';
import { readableBatches } from '../../records/readable-batches.ts';
import { sequenceAfter } from '../partition-queue.ts';

const REMEMBERED_BATCHES = 5;
export const OUT_OF_ORDER = 45;
export const INVALID_PRODUCER_EPOCH = 47;

type Remembered = { readonly first: number; readonly last: number; readonly baseOffset: number };
type ProducerEntry = { epoch: number; batches: Remembered[] };

/** A partition's log, with what it remembers of producers, as Kafka 4.1's ProducerStateManager does outside transactions. */
export class ModelPartition {
  readonly values: string[] = [];
  readonly #batches: Buffer[] = [];
  readonly #producers = new Map<number, ProducerEntry>();

  get end(): number {
    return this.values.length;
  }

  append(bytes: Buffer): {
    readonly code: number;
    readonly baseOffset: number;
    readonly isDuplicate?: boolean;
  } {
    const producerId = readInt64(bytes, PRODUCER_ID);
    const epoch = bytes.readInt16BE(PRODUCER_EPOCH);
    const first = bytes.readInt32BE(SEQUENCE);
    const values = valuesOf(bytes);
    const last = sequenceAfter(first, values.length - 1);
    const known = this.#producers.get(producerId);
    if (known !== undefined) {
      if (epoch < known.epoch) return { code: INVALID_PRODUCER_EPOCH, baseOffset: -1 };
      if (epoch === known.epoch) {
        const same = known.batches.find((batch) => batch.first === first && batch.last === last);
        if (same !== undefined) return { code: 0, baseOffset: same.baseOffset, isDuplicate: true };
      }
      const expected = epoch === known.epoch ? sequenceAfter(known.batches.at(-1)?.last ?? -1, 1) : 0;
      if (first !== expected) return { code: OUT_OF_ORDER, baseOffset: -1 };
    }
    const baseOffset = this.end;
    const batches = known?.epoch === epoch ? known.batches : [];
    batches.push({ first, last, baseOffset });
    this.#producers.set(producerId, { epoch, batches: batches.slice(-REMEMBERED_BATCHES) });
    const stored = Buffer.from(bytes);
    writeInt64(stored, baseOffset, 0);
    this.#batches.push(stored);
    this.values.push(...values);
    return { code: 0, baseOffset };
  }

  /**
   * A broker that was shut down in order has written but the last batch of each producer to its snapshot, and forgets
   * producers whose records are old.
   */
  restart(forgets: boolean): void {
    if (forgets) this.#producers.clear();
    for (const entry of this.#producers.values()) entry.batches = entry.batches.slice(-1);
  }

  producers(): readonly {
    readonly producerId: number;
    readonly epoch: number;
    readonly lastSequence: number;
  }[] {
    return [...this.#producers].map(([producerId, { epoch, batches }]) => ({
      producerId,
      epoch,
      lastSequence: batches.at(-1)?.last ?? -1,
    }));
  }

  /** The batches from the one that holds `offset` on. */
  read(offset: number): Buffer {
    let next = 0;
    const from = this.#batches.findIndex((batch) => {
      next += valuesOf(batch).length;
      return next > offset;
    });
    return from < 0 ? Buffer.alloc(0) : Buffer.concat(this.#batches.slice(from, from + 2));
  }
}

/** The records' values; checks what a broker checks, the checksum included. */
export function valuesOf(bytes: Buffer): string[] {
  const { batches } = readableBatches(
    { topic: 'model', partition: 0, records: bytes, aborted: [] },
    0,
    'read-uncommitted',
  );
  return batches.flatMap((batch) =>
    Array.from({ length: batch.count }, (_, i) => batch.value(i)?.toString() ?? ''),
  );
}
