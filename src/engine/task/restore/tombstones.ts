import type { Cleanup } from '#log';

/**
 * For how long after a copy was whole the tombstones of its topic are counted upon, ms. Half of the time for which the log
 * keeps them: the process that made the copy, this one and the log measure by wall clocks of their own, which may be hours apart.
 */
export function tombstonesTrustedMs(cleanup: Cleanup): number {
  return cleanup.policy === 'compact' ? cleanup.tombstoneRetentionMs / 2 : Number.POSITIVE_INFINITY;
}
