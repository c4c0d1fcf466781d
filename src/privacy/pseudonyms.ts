import { InputError } from '#platform';
import { invalidIdReason } from '#schemas';

/**
 * The names that users have on the log. Where ids come in from outside they are exchanged for pseudonyms, and nothing
 * behind that edge sees an id. A pseudonym cannot be turned back, and once its user is forgotten nobody can tell any
 * more whose it was.
 *
 * Calls are synchronous: a user met before costs microseconds. Errors of every call: RetryableError
 * MR_PRIVACY_VAULT_BUSY, ConfigurationError MR_PRIVACY_VAULT_UNUSABLE, FatalError MR_PRIVACY_VAULT_DAMAGED for a user
 * whose row is damaged.
 */
export interface Pseudonyms {
  /** The pseudonym of a user, made at the first call. */
  pseudonymOf(userId: string): string;
  /** Those of many in the order given; what is new among them becomes durable with one write. */
  pseudonymsOf(userIds: readonly string[]): readonly string[];
  /** The pseudonym of a user who has one; makes none. */
  known(userId: string): string | undefined;
  /**
   * Makes it impossible to tell whose the pseudonym was; the same id gets another one at its next call. Forgetting one
   * who is not known changes nothing.
   */
  forget(userId: string): void;
  /** Looks at the row of every user, a part at a time. */
  check(signal?: AbortSignal): Promise<VaultCheck>;
  /** What was found damaged so far, by a call or by a check. */
  readonly damage: string | undefined;
  /** Whether ids can be forgotten: not where they stand on the log as they were given. */
  readonly forgets: boolean;
  close(): void;
}

/** How many users have a row, and how many rows are not what was written. */
export type VaultCheck = { readonly users: number; readonly damaged: number };

/** For a log whose producers have pseudonyms of their own: ids stay what they are. */
export const asGiven: Pseudonyms = {
  pseudonymOf: (userId) => userId,
  pseudonymsOf: (userIds) => userIds,
  known: (userId) => userId,
  forget: () => {},
  check: async () => ({ users: 0, damaged: 0 }),
  damage: undefined,
  forgets: false,
  close: () => {},
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
