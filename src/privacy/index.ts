/**
 * What users may ask for: not to be named, to be left out, to be erased.
 *
 * On the log users stand under pseudonyms, which the vault gives where ids come in: the gateway, the responder, an import,
 * the command line. It promises that no file names a user, that equal ids have equal pseudonyms in every process that has
 * the vault open, and that a user who was forgotten can be told by nobody any more. Topic `privacy` says who has opted out
 * or was erased; an erasure goes through targets, each a place that holds something of a user, and ends with the vault.
 * Keeping the decisions is left to those who hold data: admission, the views, snapshots and the offline store.
 */
export { Decisions } from './decisions.ts';
export { type Erased, type EraseTarget, type Erasure, eraseUser } from './erasure.ts';
export { renamed, withPseudonyms } from './events.ts';
export {
  asGiven,
  invalidUserId,
  isPseudonym,
  type Pseudonyms,
  requireUserId,
  type VaultCheck,
} from './pseudonyms.ts';
export { excludedUsers, PrivacyDecisions, writePrivacyStatus } from './status.ts';
export { legacyVaultExists } from './vault/legacy-vault.ts';
export {
  configuredMasterKeys,
  MASTER_KEY_FILE_NAME,
  type MasterKeys,
  masterKeyFiles,
  NEXT_KEY_FILE_NAME,
} from './vault/master-key.ts';
export type { Rotation } from './vault/rotation.ts';
export { openVault, type Vault, type VaultOptions } from './vault/vault.ts';
export { LOOKUP_RECORD as VAULT_LOOKUP_RECORD, removeView, viewProblem } from './vault/vault-view.ts';
