import type { Notice } from '../notice.ts';

/** The groups of all channels that there can be. */
export const CHANNEL_GROUPS = ['notifications', 'notifications-mail'] as const;

/** A way to tell others. */
export interface Channel {
  /** Names its group, whose position says what was delivered. */
  readonly group: (typeof CHANNEL_GROUPS)[number];
  /** Errors: RetryableError where it is tried again; InputError where the receiver refuses the notice for good. */
  deliver(notice: Notice, signal: AbortSignal): Promise<void>;
  close(): void;
}
