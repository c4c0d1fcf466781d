/** The bytes of a file, of its gzipped form, or of standard input. */
import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { errorCode, InputError } from '#platform';

const CHUNK_BYTES = 1 << 18;
const GZIP_MAGIC = [0x1f, 0x8b];

export type ByteSource = {
  /** For messages. */
  readonly name: string;
  /** Undefined: standard input. */
  readonly path: string | undefined;
};

export type Reading = {
  /** Takes the bytes as they are unpacked: equal data has equal hashes, gzipped or not. */
  readonly hash: Hash;
  /** Told how many bytes of the file itself were read. */
  readonly onRead: (bytes: number) => void;
  readonly signal: AbortSignal;
};

/**
 * Unpacks what begins as gzip does, whatever its name, and holds some chunks at most. Errors: InputError
 * MR_IMPORT_UNREADABLE for what ends early, is damaged or cannot be opened.
 */
export async function* bytesOf({ name, path }: ByteSource, reading: Reading): AsyncGenerator<Buffer> {
  const { hash, onRead, signal } = reading;
  const stream = path === undefined ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    const chunks = counted(stream, onRead);
    const first = await beginning(chunks);
    const all = followedBy(first, chunks);
    const isGzip = GZIP_MAGIC.every((byte, i) => first[i] === byte);
    for await (const chunk of isGzip ? unpacked(all) : all) {
      signal.throwIfAborted();
      hash.update(chunk);
      yield chunk;
    }
  } catch (cause) {
    if (signal.aborted || !isUnreadable(cause)) throw cause;
    throw unreadable(name, cause);
  } finally {
    stream.destroy();
  }
}

/** The problem of a file that cannot be opened or unpacked. */
function isUnreadable(error: unknown): boolean {
  return /^(Z_|E[A-Z]+$)/.test(errorCode(error) ?? '');
}

export function unreadable(name: string, cause: unknown): InputError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new InputError('MR_IMPORT_UNREADABLE', `${name} cannot be read to its end: ${why}.`, {
    hint: 'Nothing was published. Check that the file is complete, and import again.',
    cause,
  });
}

async function* counted(
  stream: AsyncIterable<Buffer>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    onRead(chunk.length);
    yield chunk;
  }
}

/** Enough bytes to tell gzip by, or all that there are. */
async function beginning(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  while (bytes.length < GZIP_MAGIC.length) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    bytes = Buffer.concat([bytes, value]);
  }
  return bytes;
}

async function* followedBy(first: Buffer, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  yield* chunks;
}

/** Several gzip streams one after another, as `cat a.gz b.gz` makes them, are one. */
async function* unpacked(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const feeding = (async () => {
    for await (const chunk of chunks) {
      if (!gunzip.write(chunk)) await drained(gunzip);
      if (gunzip.destroyed) return;
    }
    gunzip.end();
  })();
  feeding.catch((error: Error) => gunzip.destroy(error));
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } finally {
    gunzip.destroy();
    await feeding.catch(() => {});
  }
}

function drained(gunzip: ReturnType<typeof createGunzip>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      gunzip.off('drain', done).off('close', done);
      resolve();
    };
    gunzip.once('drain', done).once('close', done);
  });
}
