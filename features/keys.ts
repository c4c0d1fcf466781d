/** Keys of what two entities make together, such as a user and a category. */

import type { Entity } from './view.ts';

const SEPARATOR = '\u001f';

/** The user's id, then the other entity's: all that a user has with others lies together. */
export function crossKey(userId: string, other: string): string {
  return userId + SEPARATOR + other;
}

/** The beginning that all cross keys of a user share, and no other's have. */
export function crossKeysOf(userId: string): string {
  return userId + SEPARATOR;
}

/** Whether a row of a user, or of a user and something else, lies with that user's. */
export function isKeyOfUser(entity: Exclude<Entity, 'item'>, key: string, userId: string): boolean {
  return entity === 'user' ? key === userId : key.startsWith(crossKeysOf(userId));
}

/** The user whose row a key names, alone or together with something else. */
export function userOfKey(key: string): string {
  const at = key.indexOf(SEPARATOR);
  return at < 0 ? key : key.slice(0, at);
}

/** What `crossKey` joined. A user's id holds no control characters (admission refuses it); the other may hold any. */
export function splitCrossKey(key: string): readonly [userId: string, other: string] {
  const at = key.indexOf(SEPARATOR);
  return [key.slice(0, at), key.slice(at + 1)];
}
