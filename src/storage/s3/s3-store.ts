import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import { Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { FatalError, type Fingerprint, namingFullDisk, sync } from '#platform';
import type { Content, ListedObject, ObjectStore } from '../port.ts';
import { type ErrorAnswer, type ListPage, listPageIn } from './answers.ts';
import { S3Client, type S3Environment } from './client.ts';
import { type ObjectStoreOptions, placeOf } from './place.ts';

/** Says which call wrote an object: one whose answer was lost is told from another's. */
const MARK = 'x-amz-meta-written-by';

/**
 * Objects of a bucket, below a prefix. Written with `If-None-Match`, where the store knows that; else with a look before.
 * Errors: ConfigurationError MR_STORAGE_ADDRESS. Nothing is sent before the first call.
 */
export function s3Store(
  address: string,
  options: ObjectStoreOptions,
  environment: S3Environment,
): ObjectStore {
  const client = new S3Client(placeOf(address, options), options.timeoutSeconds * 1_000, environment);
  return new S3Store(client);
}

class S3Store implements ObjectStore {
  readonly name: string;
  readonly #client: S3Client;
  #isConditional = true;

  constructor(client: S3Client) {
    this.name = client.place.name;
    this.#client = client;
  }

  async put(name: string, content: Content): Promise<boolean> {
    // Some stores refuse a file before they have read it, and close the connection on whoever still sends it.
    const isAskedFirst = !this.#isConditional || 'path' in content;
    if (isAskedFirst && (await this.#markOf(name)) !== undefined) return false;
    const mark = randomUUID();
    const headers = { [MARK]: mark, ...(this.#isConditional && { 'if-none-match': '*' }) };
    const isThere = ({ status }: ErrorAnswer) => status === 412;
    const isUnknown = ({ status }: ErrorAnswer) => this.#isConditional && status === 501;
    const outcome = await this.#client.send(
      { method: 'PUT', object: name, headers, content },
      emptied,
      (refusal) => isThere(refusal) || isUnknown(refusal),
    );
    if (outcome === undefined) return true;
    if (isUnknown(outcome)) {
      this.#isConditional = false;
      return this.put(name, content);
    }
    return outcome.isAfterUnanswered && (await this.#markOf(name)) === mark;
  }

  async touch(name: string): Promise<void> {
    const { bucket, prefix } = this.#client.place;
    const source = `/${bucket}/${prefix}${name}`.split('/').map(encodeURIComponent).join('/');
    const headers = { 'x-amz-copy-source': source, 'x-amz-metadata-directive': 'REPLACE' };
    await this.#client.send({ method: 'PUT', object: name, headers }, emptied, isMissing);
  }

  get(name: string): Promise<Buffer | undefined> {
    return this.#found(name, buffer);
  }

  async download(name: string, path: string): Promise<Fingerprint | undefined> {
    try {
      return await this.#found(name, (answer) => toFile(answer, path));
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async list(prefix: string): Promise<readonly ListedObject[]> {
    const { prefix: own } = this.#client.place;
    const objects: ListedObject[] = [];
    let next: string | undefined = '';
    do {
      const page: ListPage = await this.#page(own + prefix, next);
      for (const each of page.objects) {
        const name = each.name.slice(own.length);
        if (isObjectName(name)) objects.push({ ...each, name });
      }
      next = page.next;
    } while (next !== undefined);
    return objects.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async remove(name: string): Promise<void> {
    await this.#client.send({ method: 'DELETE', object: name }, emptied, isMissing);
  }

  close(): void {
    this.#client.close();
  }

  async #page(prefix: string, continued: string): Promise<ListPage> {
    const query = {
      'list-type': '2',
      'encoding-type': 'url',
      prefix,
      ...(continued !== '' && { 'continuation-token': continued }),
    };
    const answered = await this.#client.send({ method: 'GET', query }, async (answer) => ({
      page: listPageIn((await buffer(answer)).toString(), prefix),
    }));
    const page = 'page' in answered ? answered.page : undefined;
    if (page === undefined) throw noList(this.#client.place.endpoint.origin);
    return page;
  }

  async #found<T>(name: string, read: (answer: IncomingMessage) => Promise<T>): Promise<T | undefined> {
    const outcome = await this.#client.send(
      { method: 'GET', object: name },
      async (answer) => ({ found: await read(answer) }),
      isMissing,
    );
    return 'found' in outcome ? outcome.found : undefined;
  }

  /** Undefined where there is no such object. */
  async #markOf(name: string): Promise<string | undefined> {
    const outcome = await this.#client.send(
      { method: 'HEAD', object: name },
      async ({ headers }) => ({ mark: String(headers[MARK] ?? '') }),
      ({ status }) => status === 404,
    );
    return 'mark' in outcome ? outcome.mark : undefined;
  }
}

/** Consoles of stores make objects that stand for folders, with a name that ends in `/`: none is ours. */
const isObjectName = (name: string) => name.split('/').every((part) => !/^\.{0,2}$/.test(part));

/** A bucket that is missing is an error of the configuration. */
const isMissing = ({ status, code }: ErrorAnswer) => status === 404 && code !== 'NoSuchBucket';

/** Takes the body of an answer, so that its connection is free again. */
async function emptied(answer: IncomingMessage): Promise<undefined> {
  await buffer(answer);
  return undefined;
}

async function toFile(answer: IncomingMessage, path: string): Promise<Fingerprint> {
  const hash = createHash('sha256');
  let bytes = 0;
  const hashing = new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece);
      bytes += piece.length;
      done(null, piece);
    },
  });
  try {
    await pipeline(answer, hashing, createWriteStream(path));
    await sync(path);
  } catch (error) {
    // Named here: an error of a write has no path, and would pass for one of the connection.
    throw namingFullDisk(error, dirname(path));
  }
  return { sha256: hash.digest('hex'), bytes };
}

function noList(origin: string): FatalError {
  return new FatalError(
    'MR_STORAGE_REFUSED',
    `${origin} answers with something else than a list of objects.`,
    {
      hint: 'Check option objectStore.endpoint: it must speak S3.',
    },
  );
}
