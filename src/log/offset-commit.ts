import { invalidOffset, metadataTooLong } from './errors.ts';
import type { OffsetCommit } from './port.ts';

const MAX_METADATA_BYTES = 4096;

/** InputError MR_LOG_INVALID_OFFSET or MR_LOG_METADATA_TOO_LONG for what no adapter can keep. */
export function checkOffsetCommit(commit: OffsetCommit): void {
  if (!Number.isSafeInteger(commit.offset) || commit.offset < 0) throw invalidOffset(commit, commit.offset);
  const bytes = Buffer.byteLength(commit.metadata ?? '');
  if (bytes > MAX_METADATA_BYTES) throw metadataTooLong(commit, bytes);
}
