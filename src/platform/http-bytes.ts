/**
 * The memory that bodies of requests may take, all together and those of one client: counted as they arrive, so that whoever
 * announces much and sends it slowly holds nobody else up.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { RetryableError } from './errors.ts';
import type { HttpLimits } from './http-limits.ts';
import type { Gauge } from './metrics.ts';

/** Part of the bytes that one client may have: others get through beside it. */
const SHARE_OF_CLIENT = 0.5;

/** Refuses a body that does not fit before it is read, or when it stops to fit. Bytes count until the answer is sent. */
export function boundBytes(
  routes: FastifyInstance,
  { bodyBytes }: HttpLimits,
  bodyLimit: number,
  inFlight: Gauge,
): void {
  const budget = new Budget(bodyBytes);
  routes.addHook('onRequest', ({ raw }, _reply, done) => {
    const announced = Number(raw.headers['content-length'] ?? 0);
    // One that is too large whatever else is under way is refused as such.
    done(announced > bodyLimit ? undefined : budget.refusal(clientOf(raw), announced));
  });
  routes.addHook('preParsing', ({ raw }, reply, payload, done) => {
    const client = clientOf(raw);
    let taken = 0;
    const count = (chunk: Buffer) => {
      const refusal = budget.refusal(client, chunk.length);
      if (refusal === undefined) {
        taken += chunk.length;
        budget.take(client, chunk.length);
        inFlight.set(budget.bytes);
        return;
      }
      payload.off('data', count);
      // Ends the reading of the body; what is still to come of it is not read either.
      reply.header('connection', 'close');
      if (payload.listenerCount('error') > 0) payload.emit('error', refusal);
    };
    payload.on('data', count);
    reply.raw.once('close', () => {
      // What comes after the answer is thrown away by Node.
      payload.off('data', count);
      budget.giveBack(client, taken);
      inFlight.set(budget.bytes);
    });
    done(null, payload);
  });
}

class Budget {
  readonly #most: number;
  readonly #ofClients = new Map<string, number>();
  #bytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Why `more` bytes do not fit; undefined where they do. */
  refusal(client: string, more: number): RetryableError | undefined {
    if (more === 0) return undefined;
    if (this.#bytes + more > this.#most) {
      return new RetryableError('MR_HTTP_BUSY', `Requests with ${this.#bytes} bytes are being worked on.`, {
        hint: 'Retry after the time in the header retry-after; the limit is http.bodiesMb.',
      });
    }
    const ofClient = this.#ofClients.get(client) ?? 0;
    if (ofClient + more <= this.#most * SHARE_OF_CLIENT) return undefined;
    return new RetryableError(
      'MR_HTTP_CLIENT_BUSY',
      `Requests of this client with ${ofClient} bytes are being worked on.`,
      {
        hint: 'Wait for answers before sending more; a client may have half of http.bodiesMb.',
      },
    );
  }

  take(client: string, bytes: number): void {
    this.#bytes += bytes;
    this.#ofClients.set(client, (this.#ofClients.get(client) ?? 0) + bytes);
  }

  giveBack(client: string, bytes: number): void {
    this.#bytes -= bytes;
    const left = (this.#ofClients.get(client) ?? 0) - bytes;
    if (left > 0) this.#ofClients.set(client, left);
    else this.#ofClients.delete(client);
  }
}

function clientOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? '';
}
