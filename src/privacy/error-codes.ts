/** The error codes of the vault and of opting out. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const PRIVACY_ERRORS = {
  MR_PRIVACY_ERASED: fixInput`A user who is erased, or is being erased, is to be opted in or out.
    Wait until the erasure is done: who comes back after it is a new user, and can decide anew.`,
  MR_PRIVACY_USER: fixInput`A user is named by what is no user id.
    Name the user by the user_id that events carry.`,
  MR_PRIVACY_USER_UNKNOWN: fixInput`The user to be erased was never seen, or is erased already.
    Compare the id with the one that events carry.`,
  MR_PRIVACY_VAULT_BUSY: retry`The vault of pseudonyms cannot be read or written just now.
    Try again; see which process holds it and whether the disk is full.`,
  MR_PRIVACY_VAULT_DAMAGED: giveUp`The key of a user in the vault of pseudonyms is not what was written.
    Restore pseudonyms.sqlite and pseudonyms.key together from one copy; others are served meanwhile.`,
  MR_PRIVACY_VAULT_UNUSABLE: fixConfiguration`The vault of pseudonyms is damaged, cannot be opened, or lies without its key.
    Restore pseudonyms.sqlite and pseudonyms.key together from one copy.`,
  MR_PRIVACY_VERSIONS_REMAIN: retry`A version that was trained with an erased user has not been archived in time.
    See that the processors run and are not far behind, then erase the user again.`,
  MR_PRIVACY_VIEWS_REMAIN: retry`The processors have not deleted the rows of an erased user in time.
    See that they run and are not far behind, then erase the user again.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof PRIVACY_ERRORS> {}
}
