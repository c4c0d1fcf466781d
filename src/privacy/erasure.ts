import { failpoint, InputError } from '#platform';
import { type Pseudonyms, requireUserId } from './pseudonyms.ts';

/** What a target has removed, and where. */
export type Erased = { readonly where: string; readonly rows: number };

/** A place that holds something of users. */
export interface EraseTarget {
  /** Names the target in failpoints (`privacy.erase.NAME`) and in reports. */
  readonly name: string;
  /**
   * Resolves when nothing of the user is left there. Called again after it was cut off, it completes; where nothing was,
   * it removes 0 rows.
   */
  erase(pseudonym: string): Promise<Erased>;
}

export type ErasureParts = {
  readonly pseudonyms: Pseudonyms;
  /** Makes it known that the user is erased, so that nothing of them is taken in or kept any more. */
  readonly announce: (pseudonym: string) => Promise<void>;
  /** In the order in which they are emptied. */
  readonly targets: readonly EraseTarget[];
  /** Told when a target is begun. */
  readonly onTarget?: (name: string) => void;
};

/** What was done. It names no pseudonym: with the id beside it, it would tell what the erasure has made untold. */
export type Erasure = {
  readonly erased: readonly (Erased & { readonly target: string })[];
  /** False where ids stand on the log as they were given. */
  readonly keyDestroyed: boolean;
};

/**
 * Erases a user: says so on topic `privacy`, empties every target, and destroys the key last, because until then the user
 * can be found again: an erasure that was cut off is completed by the same call.
 *
 * Errors: InputError MR_PRIVACY_USER, MR_PRIVACY_USER_UNKNOWN; those of the targets and of the vault.
 */
export async function eraseUser(userId: string, parts: ErasureParts): Promise<Erasure> {
  const { pseudonyms, announce, targets, onTarget } = parts;
  requireUserId(userId);
  const pseudonym = pseudonyms.known(userId);
  if (pseudonym === undefined) throw unknownUser(userId);
  await announce(pseudonym);
  failpoint('privacy.erase.announced');
  const erased: (Erased & { readonly target: string })[] = [];
  for (const target of targets) {
    onTarget?.(target.name);
    erased.push({ target: target.name, ...(await target.erase(pseudonym)) });
    failpoint(`privacy.erase.${target.name}`);
  }
  // Last of all: until then the user can be found again. The files of the log are cleaned of the key with it.
  const ofLog = await pseudonyms.forget(userId);
  if (ofLog !== undefined) erased.push({ target: 'log', ...ofLog });
  return { erased, keyDestroyed: pseudonyms.forgets };
}

function unknownUser(userId: string): InputError {
  return new InputError('MR_PRIVACY_USER_UNKNOWN', `There is no user ${JSON.stringify(userId)}.`, {
    hint: 'The user was never seen or is already erased; Millrace cannot tell which.',
  });
}
