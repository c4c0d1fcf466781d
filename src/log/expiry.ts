import type { Cleanup } from './port.ts';

type Expiring = Cleanup & { readonly policy: 'delete'; readonly retentionMs: number };

/** Whether a record of this time (ms) is past its topic's retention by the wall clock, which says `now`. */
export function isExpired(cleanup: Cleanup, timestamp: number, now: number): cleanup is Expiring {
  return cleanup.policy === 'delete' && cleanup.retentionMs !== null && timestamp < now - cleanup.retentionMs;
}
