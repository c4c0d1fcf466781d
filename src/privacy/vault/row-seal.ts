import { createHmac, timingSafeEqual } from 'node:crypto';

const SEAL_BYTES = 16;

/**
 * A MAC of each row of the vault, under a key that is derived from the master key. Without one a flipped bit of a user's
 * key would be another pseudonym, and their history split for ever.
 */
export class RowSeal {
  readonly #key: Buffer;

  constructor(masterKey: Buffer) {
    // No user id holds a control character, so no handle is of the same text.
    this.#key = createHmac('sha256', masterKey).update('\0rows of the vault').digest();
  }

  of(handle: Uint8Array, key: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(handle).update(key).digest().subarray(0, SEAL_BYTES);
  }

  fits(seal: unknown, handle: Uint8Array, key: Uint8Array): boolean {
    if (!(seal instanceof Uint8Array) || seal.length !== SEAL_BYTES) return false;
    return timingSafeEqual(seal, this.of(handle, key));
  }
}
