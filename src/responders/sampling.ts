import { partitionFor } from '#log';

const SAMPLED_OF = 1_000_000;

/** By the id alone, so that whoever meets it decides alike. */
export function isSampled(requestId: string, share: number): boolean {
  return share >= 1 || partitionFor(requestId, SAMPLED_OF) < share * SAMPLED_OF;
}
