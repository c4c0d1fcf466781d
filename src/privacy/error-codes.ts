/** The error codes of the vault and of opting out. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const PRIVACY_ERRORS = {
  MR_PRIVACY_ERASED: fixInput`A request opts a user in or out who is erased or being erased.
    Wait until the erasure is done: a user who comes back afterwards is a new one, who can opt in or out.`,
  MR_PRIVACY_USER: fixInput`A string that is not a user id names a user.
    Use the user_id that events carry.`,
  MR_PRIVACY_USER_UNKNOWN: fixInput`The user to erase was never seen, or is already erased.
    Compare the id with the one that events carry.`,
  MR_PRIVACY_VAULT_BUSY: retry`The vault of pseudonyms cannot be read or written just now.
    Retry; check which process holds it and whether the disk is full.`,
  MR_PRIVACY_VAULT_DAMAGED: giveUp`A user's key in the vault of pseudonyms is damaged.
    Restore pseudonyms.sqlite and pseudonyms.key together from one backup; other users are served meanwhile.`,
  MR_PRIVACY_VAULT_UNUSABLE: fixConfiguration`The vault of pseudonyms is damaged, cannot be opened, or lies without its key.
    Restore pseudonyms.sqlite and pseudonyms.key together from one backup.`,
  MR_PRIVACY_VERSIONS_REMAIN: retry`A version trained with an erased user was not archived in time.
    Check that the processors run and are not far behind, then erase the user again.`,
  MR_PRIVACY_VIEWS_REMAIN: retry`The processors did not delete an erased user's rows in time.
    Check that they run and are not far behind, then erase the user again.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof PRIVACY_ERRORS> {}
}
