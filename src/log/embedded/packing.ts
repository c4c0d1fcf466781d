import { invariant } from '#platform';
import { encodeBatch } from '../batch.ts';
import type { StoredBatch } from '../stored-batch.ts';
import type { Pass } from './cleaner.ts';
import type { CleaningRow, Survey } from './reader.ts';
import { MAX_SPAN, MERGED_BYTES, Rewriting, storedBatches } from './rewriting.ts';

type Run = { readonly rows: Survey[]; readonly batches: StoredBatch[]; bytes: number };

/**
 * Merges neighbouring batches of a topic that keeps its records until they expire, and packs them. Each record is
 * rewritten once: the last run waits for the next pass until it is full, and the partition's `compacted_to` says where it begins.
 * Offsets stay.
 */
export async function packPartition(pass: Pass, partition: CleaningRow): Promise<void> {
  const rewriting = new Rewriting(pass, partition.id);
  let run: Run = emptyRun();
  let packedTo = Math.max(partition.compactedTo, partition.start);
  const from = packedTo;
  for await (const { row, batch } of storedBatches(pass, partition, from)) {
    const first = run.rows[0];
    const isFull = run.bytes + batch.byteLength > MERGED_BYTES;
    if (first !== undefined && (isFull || row.nextOffset - first.baseOffset > MAX_SPAN)) {
      packedTo = merge(run, rewriting);
      run = emptyRun();
      if (!(await rewriting.step())) return;
    }
    run.rows.push(row);
    run.batches.push(batch);
    run.bytes += batch.byteLength;
  }
  if (packedTo > from) await rewriting.send({ compactedTo: packedTo, records: 0, tombstonesDue: null });
}

const emptyRun = (): Run => ({ rows: [], batches: [], bytes: 0 });

/** Where the run ends. */
function merge({ rows, batches }: Run, rewriting: Rewriting): number {
  const [{ baseOffset }, { nextOffset }] = [rows[0] as Survey, rows.at(-1) as Survey];
  const [only] = batches;
  for (const row of rows.slice(1)) rewriting.add({ ...row, batch: null });
  const place = { baseOffset, nextOffset, tombstonesUntil: null };
  if (batches.length === 1 && only !== undefined) {
    rewriting.add({ ...place, newest: only.maxTimestamp, batch: only.bytes });
    return nextOffset;
  }
  const records = batches.flatMap((batch) => Array.from({ length: batch.count }, (_, i) => batch.record(i)));
  invariant(
    records.length === nextOffset - baseOffset,
    'records of a topic without compaction have gaps between them',
  );
  const { bytes, maxTimestamp } = encodeBatch(records);
  rewriting.add({ ...place, newest: maxTimestamp, batch: bytes });
  return nextOffset;
}
