import { InputError } from '#platform';
import { invalidIdReason } from '#schemas';
import type { Erased } from './erasure.ts';

/**
 * The names that users have on the log. Where ids come in from outside they are exchanged for pseudonyms, and nothing
 * behind that edge sees an id. A pseudonym cannot be turned back, and once its user is forgotten nobody can tell any
 * more whose it was.
 *
 * A user met before costs microseconds; a new one a write to the log, together with those who come at the same time. While
 * the log is unavailable, known users go on and new ones are refused. Errors of every call: RetryableError MR_PRIVACY_VAULT_BUSY;
 * ConfigurationError MR_PRIVACY_VAULT_UNUSABLE, MR_PRIVACY_MASTER_KEY; FatalError MR_PRIVACY_VAULT_DAMAGED for a user
 * whose key is damaged.
 */
export interface Pseudonyms {
  /** The pseudonym of a user, made at the first call. */
  pseudonymOf(userId: string): Promise<string>;
  /** Those of many in the order given; what is new among them becomes durable together. */
  pseudonymsOf(userIds: readonly string[]): Promise<readonly string[]>;
  /** The pseudonym of a user who has one; makes none. One whom another machine has just met may be missing for some ms. */
  known(userId: string): string | undefined;
  /**
   * Makes it impossible to tell whose the pseudonym was; the same id gets another one at its next call. Forgetting one
   * who is not known changes nothing. Returns what was removed from the log's own files with it, where it has such.
   */
  forget(userId: string): Promise<Erased | undefined>;
  /** Looks at the key of every user, a part at a time. */
  check(signal?: AbortSignal): Promise<VaultCheck>;
  /** What was found damaged so far, by a call or by a check. */
  readonly damage: string | undefined;
  /** Whether ids can be forgotten: not where they stand on the log as they were given. */
  readonly forgets: boolean;
  close(): Promise<void>;
}

/**
 * How many users have a key, and how many keys are not what was written; `repaired` says what was damaged in the directory's
 * view of the vault, and was read from the log again.
 */
export type VaultCheck = {
  readonly users: number;
  readonly damaged: number;
  readonly repaired: string | undefined;
};

/** For a log whose producers have pseudonyms of their own: ids stay what they are. */
export const asGiven: Pseudonyms = {
  pseudonymOf: async (userId) => userId,
  pseudonymsOf: async (userIds) => userIds,
  known: (userId) => userId,
  forget: async () => undefined,
  check: async () => ({ users: 0, damaged: 0, repaired: undefined }),
  damage: undefined,
  forgets: false,
  close: async () => {},
};

/** Whether it has the form of the vault's names: 22 characters of base64url. Whose it is, the vault alone can tell. */
export function isPseudonym(name: string): boolean {
  return /^[\w-]{22}$/.test(name);
}

/** InputError MR_PRIVACY_USER for what is no id that an event may carry. */
export function requireUserId(userId: string): void {
  const reason = invalidIdReason(userId);
  if (reason === undefined) return;
  throw invalidUserId(reason);
}

/** The refusal of a user id, which `reason` goes on about. */
export function invalidUserId(reason: string): InputError {
  return new InputError('MR_PRIVACY_USER', `A user id ${reason}.`, {
    hint: 'Use the user_id that events carry.',
  });
}
