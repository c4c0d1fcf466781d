import { BYTES_BEFORE, BYTES_THAT_FOLLOW, LEADER_EPOCH } from '../records/batch-format.ts';
import { UNKNOWN_EPOCH } from './reading.ts';

/** What the next request of a partition must know of the batches that have come. */
export type Survey = {
  /** Epoch of the leader that wrote the last whole batch. */
  readonly lastEpoch: number;
  /** What the largest batch has, or would have if it had not been cut off. */
  readonly largestBytes: number;
};

export function survey(records: Buffer): Survey {
  let lastEpoch = UNKNOWN_EPOCH;
  let largestBytes = 0;
  for (let at = 0; at + BYTES_BEFORE <= records.length; ) {
    const bytes = BYTES_BEFORE + Math.max(0, records.readInt32BE(at + BYTES_THAT_FOLLOW));
    largestBytes = Math.max(largestBytes, bytes);
    if (at + bytes > records.length || bytes < LEADER_EPOCH + 4) break;
    lastEpoch = records.readInt32BE(at + LEADER_EPOCH);
    at += bytes;
  }
  return { lastEpoch, largestBytes };
}
