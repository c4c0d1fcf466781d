/** One signed HTTP request to an object store, and its answer. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Agent, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overTls, Agent as TlsAgent } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { Content } from '../port.ts';
import type { S3Place } from './place.ts';

export type S3Request = {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** An object's name, without the place's prefix; the bucket itself where there is none. */
  readonly object?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: Content;
};

/** Sends requests on connections that are kept; each is abandoned where no byte has moved for `stallMs`. */
export class SignedRequests {
  readonly #place: S3Place;
  readonly #stallMs: number;
  readonly #agent: Agent;

  constructor(place: S3Place, stallMs: number) {
    this.#place = place;
    this.#stallMs = stallMs;
    const { authorities } = place;
    const keep = { keepAlive: true, maxSockets: 16, timeout: stallMs };
    this.#agent =
      place.endpoint.protocol === 'https:'
        ? new TlsAgent({ ...keep, ...(authorities !== undefined && { ca: authorities }) })
        : new Agent(keep);
  }

  /** Rejects where no whole answer comes; what `read` does with the body counts as part of it. */
  async send<T>(request: S3Request, read: (answer: IncomingMessage) => Promise<T>): Promise<T> {
    const { method, content } = request;
    const { endpoint } = this.#place;
    const { path, headers } = await this.#signed(request);
    const by = endpoint.protocol === 'https:' ? overTls : overHttp;
    const { hostname: host, port } = endpoint;
    const sent = by({
      agent: this.#agent,
      host,
      ...(port !== '' && { port }),
      method,
      path,
      headers,
      timeout: this.#stallMs,
    });
    const stalled = () => sent.destroy(new StalledError(`nothing has moved for ${this.#stallMs} ms`));
    sent.on('timeout', stalled);
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.once('error', reject);
    });
    answered.catch(() => {});
    let unreadable: unknown;
    // An answer may come, and the connection end, before all is sent: what the answer says counts.
    const sending = fill(sent, content).catch((error: unknown) => {
      if (isOfFileSystem(error)) unreadable = error;
    });
    try {
      const answer = await answered.catch(async (error: unknown) => {
        await sending;
        throw unreadable ?? error;
      });
      // A response whose connection ends early has no error of its own.
      answer.once('aborted', () => answer.destroy(new Error('the connection ended before the answer did')));
      sent.on('error', (error) => answer.destroy(error));
      return await read(answer);
    } finally {
      sent.destroy();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #signed({ method, object, query = {}, headers = {}, content }: S3Request) {
    const { bucket, prefix, endpoint, region, credentials } = this.#place;
    // Loaded when needed: most processes have no use for it.
    const { default: aws4 } = await import('aws4');
    const key = object === undefined ? '' : `/${(prefix + object).split('/').map(encoded).join('/')}`;
    const parameters = Object.entries(query).map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
    const path = `${endpoint.pathname.replace(/\/$/, '')}/${bucket}${key}`;
    const signed = aws4.sign(
      {
        service: 's3',
        region,
        method,
        host: endpoint.host,
        path: parameters.length === 0 ? path : `${path}?${parameters.join('&')}`,
        headers: { ...headers, ...sizeOf(content) },
      },
      credentials,
    );
    return { path: signed.path ?? path, headers: signed.headers as Record<string, string> };
  }
}

/** Nothing that the store could help with. */
export function isOfFileSystem(error: unknown): boolean {
  return error instanceof Error && 'path' in error && 'errno' in error;
}

/** No byte has moved in either direction for too long. */
export class StalledError extends Error {}

function sizeOf(content: Content | undefined): Record<string, string> {
  const [bytes, sha256] =
    content === undefined || content instanceof Uint8Array
      ? [
          content?.length ?? 0,
          createHash('sha256')
            .update(content ?? '')
            .digest('hex'),
        ]
      : [content.bytes, content.sha256];
  return { 'content-length': String(bytes), 'x-amz-content-sha256': sha256 };
}

async function fill(sent: NodeJS.WritableStream, content: Content | undefined): Promise<void> {
  if (content === undefined) sent.end();
  else if (content instanceof Uint8Array) sent.end(content);
  else await pipeline(createReadStream(content.path), sent);
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
