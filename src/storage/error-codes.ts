/** The error codes of storage. */
import { type CodesOf, fixConfiguration, giveUp, retry } from '#platform';

export const STORAGE_ERRORS = {
  MR_STORAGE_ADDRESS: fixConfiguration`The address of an object store is wrong, or its credentials are not set.
    Write s3://BUCKET or s3://BUCKET/PREFIX, and set objectStore.accessKeyId and objectStore.secretAccessKey.`,
  MR_STORAGE_AWAY: retry`The object store does not answer, or answers with errors of its own, also after several attempts.
    Check that it runs and that objectStore.endpoint is right; work resumes by itself, and nothing is lost meanwhile.`,
  MR_STORAGE_BUCKET: fixConfiguration`The bucket that option storage names does not exist, or is in another region.
    Create it, or correct storage and objectStore.region.`,
  MR_STORAGE_CLOCK: fixConfiguration`The clocks of this machine and of the object store differ by more than the store accepts.
    Synchronize both, by NTP for example; nothing was read or written.`,
  MR_STORAGE_DENIED: fixConfiguration`The object store rejects the credentials, or they lack a permission.
    Correct objectStore.accessKeyId and objectStore.secretAccessKey, or grant reading, writing, listing and deleting in the bucket.`,
  MR_STORAGE_FULL: retry`The object store has no room left, or a quota is used up.
    Make room: work resumes by itself, and nothing is lost meanwhile.`,
  MR_STORAGE_OBJECT_MISSING: giveUp`An object is not in the object store, but should be.
    Restore it from a copy of the bucket or from the machine that wrote it; the message names it.`,
  MR_STORAGE_OBJECT_WRONG: giveUp`An object has other bytes than when it was written, also after several attempts.
    Restore it from a copy of the bucket or from the machine that wrote it; the message names it.`,
  MR_STORAGE_REFUSED: giveUp`The object store refuses a request for a reason that no retry fixes.
    Look the code in the message up in the store's documents.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof STORAGE_ERRORS> {}
}
