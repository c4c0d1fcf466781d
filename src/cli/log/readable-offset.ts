import type { PartitionOffsets, TopicPartition } from '#log';
import { usageError } from '../command.ts';

/** Returns the offset that `text` is. Errors: InputError MR_USAGE, which says what of the log it would need that is not there. */
export function requireReadable(
  { topic, partition }: TopicPartition,
  text: string,
  { start, end }: Pick<PartitionOffsets, 'start' | 'end'>,
): number {
  const place = `${topic}/${partition}`;
  const offset = Number(text);
  const choose = `Choose one from ${start} to ${end}.`;
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(offset))
    throw usageError(`${text} is not an offset of ${place}.`, choose);
  if (offset < start) {
    throw usageError(
      `Offsets ${offset} to ${start - 1} of ${place} are no longer on the log, which starts at ${start}.`,
      `${choose} What retention has removed may be in the archive: see "millrace sql".`,
    );
  }
  if (offset > end) {
    throw usageError(
      `Offsets ${end} to ${offset - 1} of ${place} are not on the log, which ends at ${end}.`,
      choose,
    );
  }
  return offset;
}
