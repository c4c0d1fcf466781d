/** The most characters of any id that an event carries. */
export const MAX_ID_LENGTH = 128;
/** As UTF-8: an id is in every record of an event, and in rows by user and item. */
const MAX_ID_BYTES = 256;
/** UTF-8 bytes of a UTF-16 code unit, at most. */
const MOST_BYTES = 3;
/** Keys of crossed entities are joined by one (`crossKey`), and a line of output stays a line. */
const CONTROL_CHARACTER = /\p{Cc}/u;
/** What decoders make of bytes that are no UTF-8, so that different ids would be one. */
const REPLACEMENT = '\uFFFD';

/** What is wrong with the id of a user, an item, an event, a session or a request; undefined when nothing is. */
export function invalidIdReason(id: string): string | undefined {
  if (id.length === 0 || id.length > MAX_ID_LENGTH) {
    return `must have 1 to ${MAX_ID_LENGTH} characters, it has ${id.length}`;
  }
  // Such a string has no UTF-8, and would come back as another one.
  if (!id.isWellFormed()) return 'must be well-formed Unicode';
  if (id.includes(REPLACEMENT)) return 'must be UTF-8: it holds a replacement character';
  const bytes = id.length * MOST_BYTES <= MAX_ID_BYTES ? 0 : Buffer.byteLength(id);
  if (bytes > MAX_ID_BYTES) return `must have at most ${MAX_ID_BYTES} bytes of UTF-8, it has ${bytes}`;
  return CONTROL_CHARACTER.test(id) ? 'must hold no control characters' : undefined;
}
