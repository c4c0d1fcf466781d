import { createHash, type Hash } from 'node:crypto';
import { isJournalTopic, journalValueWithoutOffsets, portableHeaders } from '#engine';
import type { Log, RecordBatch, SchemaRegistry, TopicPartition } from '#log';
import { bodyOf, KnownSchemas, possibleSchemaId } from './framed-values.ts';
import { type Offsets, readStretch } from './stretch.ts';

/** One of the two logs of a copy, with its registry. */
export type CopySide = {
  /** As it is called in messages. */
  readonly name: string;
  readonly log: Log;
  readonly registry: SchemaRegistry;
};

export type PartitionDigest = {
  /** Records that count: of a compacted topic the newest of each key that is no tombstone. */
  readonly records: number;
  /** Hexadecimal. */
  readonly digest: string;
};

export type ReadOptions = Offsets & {
  readonly signal: AbortSignal;
  readonly onRead?: (offsets: number) => void;
};

/** A record as it is compared: by what its hash was made of. */
export type HashedRecord = {
  readonly offset: number;
  /** Its bytes as latin1; '' for none. */
  readonly key: string;
  readonly isTombstone: boolean;
  readonly hash: Buffer;
};

/**
 * A digest of the committed records of a partition, by their order and not by their offsets: key, value, timestamp and
 * headers, the value's schema by its fingerprint, and of a journal's entries what has no offsets. Of a compacted topic it is one of what compaction leaves in the end,
 * so that it does not matter how far compaction has come.
 */
export async function digestPartition(
  side: CopySide,
  at: TopicPartition,
  options: ReadOptions & { readonly compacted: boolean },
): Promise<PartitionDigest> {
  const all = createHash('sha256');
  let count = 0;
  /** In the order in which the newest record of each key came. */
  const newest = new Map<string, Buffer>();
  for await (const records of hashedRecords(side, at, options)) {
    for (const { key, isTombstone, hash } of records) {
      if (!options.compacted) {
        all.update(hash);
        count++;
        continue;
      }
      newest.delete(key);
      if (!isTombstone) newest.set(key, hash);
    }
  }
  for (const hash of newest.values()) all.update(hash);
  return { records: count + newest.size, digest: all.digest('hex').slice(0, 32) };
}

/** The committed records of a stretch, in their order, poll by poll. */
export async function* hashedRecords(
  { log, registry }: CopySide,
  at: TopicPartition,
  { from, to, signal, onRead }: ReadOptions,
): AsyncGenerator<readonly HashedRecord[]> {
  const hashing = new RecordHashing(new KnownSchemas(registry));
  for await (const { batches, passed } of readStretch(log, at, { from, to }, signal)) {
    const records: HashedRecord[] = [];
    for (const batch of batches) {
      for (let i = 0; i < batch.count && batch.offset(i) < to; i++)
        records.push(await hashing.hashed(batch, i));
    }
    onRead?.(passed);
    yield records;
  }
}

const NONE = Buffer.from([0]);
const BYTES = Buffer.from([1]);
const AVRO = Buffer.from([2]);

class RecordHashing {
  readonly #schemas: KnownSchemas;
  readonly #number = Buffer.alloc(8);

  constructor(schemas: KnownSchemas) {
    this.#schemas = schemas;
  }

  async hashed(batch: RecordBatch, index: number): Promise<HashedRecord> {
    const key = batch.key(index);
    const value = batch.value(index);
    const isJournal = isJournalTopic(batch.topic);
    const id = value === null ? undefined : possibleSchemaId(value);
    const fingerprint = id === undefined ? undefined : await this.#schemas.fingerprint(id);
    const hash = createHash('sha256');
    this.#bytes(hash, key);
    if (value !== null && fingerprint !== undefined) {
      hash.update(AVRO).update(fingerprint);
      this.#bytes(hash, bodyOf(value));
    } else this.#bytes(hash, value && isJournal ? journalValueWithoutOffsets(value) : value);
    this.#number.writeDoubleBE(batch.timestamp(index));
    hash.update(this.#number);
    for (const [name, bytes] of portableHeaders(batch.headers(index))) {
      this.#bytes(hash, Buffer.from(name));
      this.#bytes(hash, bytes);
    }
    return {
      offset: batch.offset(index),
      key: key?.toString('latin1') ?? '',
      isTombstone: value === null,
      hash: hash.digest(),
    };
  }

  /** With their length, so that no two sequences make the same bytes. */
  #bytes(hash: Hash, bytes: Buffer | null): void {
    if (bytes === null) {
      hash.update(NONE);
      return;
    }
    this.#number.writeDoubleBE(bytes.length);
    hash.update(BYTES).update(this.#number).update(bytes);
  }
}
