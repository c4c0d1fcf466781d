import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { damaged } from './damage.ts';

/**
 * How the bytes of an object are stored: compressed, then encrypted where there is a key, and in any case with a check of
 * every bit, which covers the object's name, so that none can stand in for another:
 *
 *     0  4 bytes  'MRB' and the format version, 1
 *     4  12       nonce (AES-256-GCM), or zeros
 *    16           a zstd frame, encrypted or not
 *        32       the SHA-256 of name and all before it; with a key the 16 bytes of GCM's tag and 16 zeros
 */
const MAGIC = Buffer.from([0x4d, 0x52, 0x42, 1]);
const NONCE_BYTES = 12;
const HEADER_BYTES = MAGIC.length + NONCE_BYTES;
const TAG_BYTES = 16;
const TRAILER_BYTES = 32;
/** An object larger than that was not written by a backup. */
const MOST_BYTES = 1 << 30;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export class Sealing {
  readonly #key: Buffer | undefined;

  constructor(key: Buffer | undefined) {
    this.#key = key;
  }

  /** A name that equal contents share, and that reveals nothing without the key. */
  nameOf(content: Uint8Array): string {
    const hash = this.#key === undefined ? createHash('sha256') : createHmac('sha256', this.#key);
    return hash.update(content).digest('hex');
  }

  async seal(name: string, content: Uint8Array): Promise<Buffer> {
    const frame = await compress(content);
    const nonce = this.#key === undefined ? Buffer.alloc(NONCE_BYTES) : randomBytes(NONCE_BYTES);
    const header = Buffer.concat([MAGIC, nonce]);
    if (this.#key === undefined) return Buffer.concat([header, frame, checksum(name, header, frame)]);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    cipher.setAAD(aad(name, header));
    const body = Buffer.concat([cipher.update(frame), cipher.final()]);
    return Buffer.concat([header, body, cipher.getAuthTag(), Buffer.alloc(TRAILER_BYTES - TAG_BYTES)]);
  }

  /** FatalError MR_BACKUP_DAMAGED, which names the object. */
  async open(name: string, stored: Buffer): Promise<Buffer> {
    if (stored.length < HEADER_BYTES + TRAILER_BYTES)
      throw damaged(name, `has only ${stored.length} bytes left`);
    const header = stored.subarray(0, HEADER_BYTES);
    const body = stored.subarray(HEADER_BYTES, stored.length - TRAILER_BYTES);
    const trailer = stored.subarray(stored.length - TRAILER_BYTES);
    if (!header.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged(name, 'does not begin as one does');
    const frame =
      this.#key === undefined ? body : this.#decrypted(name, { header, body, trailer }, this.#key);
    if (this.#key === undefined && !timingSafeEqual(trailer, checksum(name, header, body)))
      throw damaged(name, 'has another checksum than when it was written');
    try {
      return await decompress(frame, { maxOutputLength: MOST_BYTES });
    } catch (cause) {
      throw damaged(name, 'cannot be unpacked', cause);
    }
  }

  #decrypted(name: string, { header, body, trailer }: Parts, key: Buffer): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', key, header.subarray(MAGIC.length));
    decipher.setAAD(aad(name, header));
    decipher.setAuthTag(trailer.subarray(0, TAG_BYTES));
    try {
      const frame = Buffer.concat([decipher.update(body), decipher.final()]);
      if (trailer.subarray(TAG_BYTES).every((byte) => byte === 0)) return frame;
    } catch (cause) {
      throw damaged(name, 'is not what was encrypted', cause);
    }
    throw damaged(name, 'does not end as one does');
  }
}

type Parts = { readonly header: Buffer; readonly body: Buffer; readonly trailer: Buffer };

const aad = (name: string, header: Buffer) => Buffer.concat([header, Buffer.from(name)]);

function checksum(name: string, header: Buffer, frame: Buffer): Buffer {
  return createHash('sha256').update(aad(name, header)).update(frame).digest();
}
