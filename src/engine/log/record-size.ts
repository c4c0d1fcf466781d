import { InputError } from '#platform';
import type { ProducerRecord } from './port.ts';

/** Bytes of key and value that a record may have on any log: what a reader must be able to hold in memory at once. */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/** Errors: MR_RECORD_TOO_LARGE. */
export function assertRecordSize({ key, value }: Pick<ProducerRecord, 'key' | 'value'>): void {
  const bytes = (key?.length ?? 0) + (value?.length ?? 0);
  if (bytes > MAX_RECORD_BYTES) {
    throw new InputError(
      'MR_RECORD_TOO_LARGE',
      `a record of ${bytes} bytes is larger than the ${MAX_RECORD_BYTES} that a log takes`,
      { hint: 'split the value, or keep it elsewhere and send where it is' },
    );
  }
}
