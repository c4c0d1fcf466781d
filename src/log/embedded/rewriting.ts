import type { StoredBatch } from '../stored-batch.ts';
import type { Pass } from './cleaner.ts';
import type { Rewrite } from './messages.ts';
import { pack } from './packed-batch.ts';
import type { CleaningRow, Survey } from './reader.ts';

/** Batches read between two turns of the event loop. */
const STEP_ROWS = 32;
/** Rewritten bytes that are sent together: they are written under one hold of the lock. */
const STEP_BYTES = 512 * 1024;
/** Neighbours are merged up to this size. */
export const MERGED_BYTES = 64 * 1024;
/** The widest range of offsets that one batch can hold. */
export const MAX_SPAN = 0xffffffff;

/** A partition's batches from `from` on; other work gets its turn between steps. */
export async function* storedBatches(
  { reader, assertOpen, clock }: Pass,
  { id, topic, partition }: CleaningRow,
  from: number,
): AsyncGenerator<{ row: Survey; batch: StoredBatch }> {
  for (;;) {
    assertOpen();
    const rows = reader.survey(id, from, STEP_ROWS);
    const stored = new Map(reader.fetch(id, rows[0]?.baseOffset ?? from, STEP_ROWS));
    for (const row of rows) {
      const bytes = stored.get(row.baseOffset);
      if (bytes !== undefined)
        yield { row, batch: reader.batch({ topic, partition }, row.baseOffset, bytes) };
      from = row.nextOffset;
    }
    if (rows.length < STEP_ROWS) return;
    await clock.sleep(0);
  }
}

/** What the cleaner puts in the place of a partition's batches, sent in steps. */
export class Rewriting {
  readonly #pass: Pass;
  readonly #partitionId: number;
  #rewrites: Rewrite[] = [];
  #bytes = 0;

  constructor(pass: Pass, partitionId: number) {
    this.#pass = pass;
    this.#partitionId = partitionId;
  }

  add(rewrite: Rewrite): void {
    this.#rewrites.push(rewrite);
    this.#bytes += rewrite.batch?.length ?? 0;
  }

  /** Sends what is worth a step. False when another cleaner has taken over. */
  async step(): Promise<boolean> {
    return this.#bytes < STEP_BYTES || (await this.send());
  }

  /** Sends the rest, and how far the partition is clean. False when another cleaner has taken over. */
  async send(mark?: {
    compactedTo: number;
    records: number;
    tombstonesDue: number | null;
  }): Promise<boolean> {
    const waiting = this.#rewrites;
    this.#rewrites = [];
    this.#bytes = 0;
    const rewrites = await Promise.all(
      waiting.map(async (rewrite) =>
        rewrite.batch === null ? rewrite : { ...rewrite, batch: await pack(rewrite.batch) },
      ),
    );
    const { token, writer } = this.#pass;
    const request = { kind: 'rewrite' as const, token, partitionId: this.#partitionId, rewrites };
    return writer.request<boolean>(mark === undefined ? request : { ...request, mark });
  }
}
