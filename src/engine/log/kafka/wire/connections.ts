import { Connection } from '@platformatic/kafka';
import { logClosed } from '../../errors.ts';
import type { Address, KafkaOptions } from './kafka-options.ts';

/**
 * A request that takes longer destroys its connection with all that is under way on it, so this is above every wait that a
 * request asks for at the broker: a fetch's, and a join's for the other members.
 */
const REQUEST_TIMEOUT_MS = 120_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** More would be written only to wait in the broker: it answers one request of a connection after the other. */
const MAX_IN_FLIGHT = 5;

/**
 * Connections by address and purpose. A broker reads a connection's next request only when it has answered the one before,
 * so that a long wait (a fetch, a join) would hold up everything behind it: each purpose has a connection of its own.
 */
export class Connections {
  readonly #options: KafkaOptions;
  readonly #open = new Map<string, Promise<Connection>>();
  #closed = false;

  constructor(options: KafkaOptions) {
    this.#options = options;
  }

  /** The connection to `address` for `purpose`, opened where there is none that works. */
  get({ host, port }: Address, purpose: string): Promise<Connection> {
    if (this.#closed) return Promise.reject(logClosed());
    const key = `${host}:${port}/${purpose}`;
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    const opening = this.#connect(key, host, port);
    this.#open.set(key, opening);
    opening.catch(() => this.#forget(key, opening));
    return opening;
  }

  /** Ends all connections for `purpose`, with what is under way on them. */
  async end(purpose: string): Promise<void> {
    const ending = [...this.#open].filter(([key]) => key.endsWith(`/${purpose}`));
    for (const [key] of ending) this.#open.delete(key);
    await Promise.all(ending.map(([, opening]) => closed(opening)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open.values()].map(closed));
  }

  async #connect(key: string, host: string, port: number): Promise<Connection> {
    const { tls, sasl, clientId } = this.#options;
    const connection = new Connection(clientId, {
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      maxInflights: MAX_IN_FLIGHT,
      ...(tls !== undefined && { tls, tlsServerName: true }),
      ...(sasl !== undefined && { sasl }),
    });
    // What fails is told to whoever waits for an answer; an error event without a listener would end the process.
    connection.on('error', () => {});
    const forget = () => this.#forget(key, this.#open.get(key));
    connection.once('close', forget);
    connection.once('closing', forget);
    await connection.connect(host, port);
    return connection;
  }

  #forget(key: string, opening: Promise<Connection> | undefined): void {
    if (opening !== undefined && this.#open.get(key) === opening) this.#open.delete(key);
  }
}

async function closed(opening: Promise<Connection>): Promise<void> {
  try {
    await (await opening).close();
  } catch {
    // It never opened: nothing is left of it.
  }
}
