/** What a retry appends for a letter, or why it does not. */
import { isWatermarkHeader } from '#engine';
import type { ProducerRecord } from '#log';
import { InputError } from '#platform';
import type { Letter } from './letters.ts';
import type { SourceRecords } from './source-records.ts';

/** Returns the refusal of a letter that cannot be retried: an InputError. */
export async function retriedRecord(
  { id, value: letter }: Letter,
  sources: SourceRecords,
  derived: ReadonlySet<string>,
): Promise<ProducerRecord | InputError> {
  const { topic, partition, offset } = letter;
  const place = { topic, partition };
  const bounds = sources.bounds(place);
  if (bounds === undefined) return noRecord(id, topic);
  if (derived.has(topic)) return isDerived(id, topic);
  const newest = letter.key === null ? undefined : sources.newest(place, letter.key);
  if (newest !== undefined && newest > offset) return outdated(id, `${topic}/${partition}`, newest);
  const source = await sources.at(place, offset);
  const isThere = source !== undefined && isSame(source, letter);
  if (letter.value === null && !isThere) return gone(id, `${topic}/${partition}`, offset);
  const { key, value, timestamp, headers = [] } = isThere ? source : letterRecord(letter);
  // The watermark that a record carried was that of its commit: the record alone says nothing of it.
  return { key, value, timestamp, headers: headers.filter((header) => !isWatermarkHeader(header)) };
}

function letterRecord({ key, value, timestamp }: Letter['value']): ProducerRecord {
  return { key, value, timestamp };
}

/** A topic that was deleted and recreated has other records at the same offsets. */
function isSame(source: ProducerRecord, { key, value }: Letter['value']): boolean {
  const equal = (a: Buffer | null, b: Buffer | null) => (a === null || b === null ? a === b : a.equals(b));
  // A value too large for the letter is on the log alone.
  return equal(source.key, key) && (value === null || equal(source.value, value));
}

function noRecord(id: number, topic: string): InputError {
  const why = topic === '' ? 'is about a timer or a row' : `is about ${topic}, which is no topic of the log`;
  return new InputError('MR_DEAD_LETTER_NO_RECORD', `Letter ${id} ${why}.`, {
    hint: `There is nothing to append: "millrace dead-letters drop ${id}".`,
  });
}

function isDerived(id: number, topic: string): InputError {
  return new InputError(
    'MR_DEAD_LETTER_DERIVED',
    `Letter ${id} is about ${topic}, which processors write: its other readers have processed the record.`,
    { hint: 'Repair the processor, then rebuild its state: "millrace replay --help".' },
  );
}

function outdated(id: number, place: string, newest: number): InputError {
  return new InputError(
    'MR_DEAD_LETTER_OUTDATED',
    `Letter ${id} is older than offset ${newest} of ${place}, which has its key.`,
    { hint: `A retry would undo the newer record: "millrace dead-letters drop ${id}".` },
  );
}

function gone(id: number, place: string, offset: number): InputError {
  return new InputError(
    'MR_DEAD_LETTER_GONE',
    `Letter ${id} has no value, and offset ${offset} is no longer on ${place}.`,
    { hint: 'Have its producer send the record again, and drop the dead letter.' },
  );
}
