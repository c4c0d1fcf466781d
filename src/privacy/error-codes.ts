/** The error codes of the vault and of opting out. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const PRIVACY_ERRORS = {
  MR_PRIVACY_ERASED: fixInput`A request opts a user in or out who is erased or being erased.
    Wait until the erasure is done: a user who comes back afterwards is a new one, who can opt in or out.`,
  MR_PRIVACY_USER: fixInput`A string that is not a user id names a user.
    Use the user_id that events carry.`,
  MR_PRIVACY_USER_UNKNOWN: fixInput`The user to erase was never seen, or is already erased.
    Compare the id with the one that events carry.`,
  MR_PRIVACY_MASTER_KEY: fixConfiguration`The master key of this process does not open the vault of the log, or is no key of 32 bytes.
    Set privacy.masterKey to the master key of the log, and during a rotation privacy.nextMasterKey too; or restore pseudonyms.key.`,
  MR_PRIVACY_VAULT_BUSY: retry`The vault of pseudonyms cannot be read or written just now: new users are refused, known ones are served.
    Retry; check that the log takes records, which process holds the file, and whether the disk is full.`,
  MR_PRIVACY_VAULT_DAMAGED: giveUp`A user's key in the vault of pseudonyms is damaged.
    Retry: it is read from the log again. Where it is damaged there, restore the log; other users are served meanwhile.`,
  MR_PRIVACY_VAULT_UNUSABLE: fixConfiguration`A file of the vault cannot be opened, or belongs to another vault than the log's.
    Remove pseudonyms-view.sqlite, which is made again from the log; restore pseudonyms.sqlite of an earlier release from a backup with pseudonyms.key.`,
  MR_PRIVACY_VERSIONS_REMAIN: retry`A version trained with an erased user was not archived in time.
    Check that the processors run and are not far behind, then erase the user again.`,
  MR_PRIVACY_VIEWS_REMAIN: retry`The processors did not delete an erased user's rows in time.
    Check that they run and are not far behind, then erase the user again.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof PRIVACY_ERRORS> {}
}
