/** The most characters of any id that an event carries. */
const MAX_ID_LENGTH = 128;
/** Keys of crossed entities are joined by one (`crossKey`), and a line of output stays a line. */
const CONTROL_CHARACTER = /\p{Cc}/u;

/** What is wrong with the id of a user, an item, an event, a session or a request; undefined when nothing is. */
export function invalidIdReason(id: string): string | undefined {
  if (id.length === 0 || id.length > MAX_ID_LENGTH) {
    return `must have 1 to ${MAX_ID_LENGTH} characters, it has ${id.length}`;
  }
  // Such a string has no UTF-8, and would come back as another one.
  if (!id.isWellFormed()) return 'must be well-formed Unicode';
  return CONTROL_CHARACTER.test(id) ? 'must hold no control characters' : undefined;
}
