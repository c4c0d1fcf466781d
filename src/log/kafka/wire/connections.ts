import { isIP } from 'node:net';
import { Connection, ConnectionStatuses } from '@platformatic/kafka';
import { logClosed } from '../../errors.ts';
import type { Address, KafkaOptions } from './kafka-options.ts';

/** Until it is connected, encrypted and logged in, ms. */
const CONNECT_TIMEOUT_MS = 5_000;
/** More would be written only to wait in the broker: it answers one request of a connection after the other. */
const MAX_IN_FLIGHT = 5;
/** A connection on which nothing comes for so long is probed by the system, which ends it when the machine is gone, ms. */
const PROBED_AFTER_MS = 30_000;

/**
 * For how long a request may have no answer, ms, by the beginning of what it is for. Then its connection is destroyed, with
 * all that is under way on it, so this is above every wait that a request asks for at the broker.
 */
const REQUEST_TIMEOUTS_MS: readonly (readonly [purpose: string, ms: number])[] = [
  // Any other broker could answer it.
  ['any', 15_000],
  // The leader waits 30 s for its followers, and whoever sends looks at the clock himself.
  ['produce-', 60_000],
  ['transactional-produce-', 60_000],
  // A join waits for all members, each of which may take a session. Heartbeats have a clock of their own.
  ['group-', 120_000],
];
const REQUEST_TIMEOUT_MS = 30_000;

/** SaslHandshake, SaslAuthenticate. */
const LOGIN_APIS: ReadonlySet<number> = new Set([17, 36]);

type Opened = { readonly connection: Connection; readonly connecting: Promise<Connection> };

/**
 * Connections by address and purpose. A broker reads a connection's next request only when it has answered the one before,
 * so that a long wait (a fetch, a join) would hold up every later request: each purpose has a connection of its own.
 */
export class Connections {
  readonly #options: KafkaOptions;
  readonly #open = new Map<string, Opened>();
  #closed = false;

  constructor(options: KafkaOptions) {
    this.#options = options;
  }

  /** How many there are, with those that are being opened. */
  get count(): number {
    return this.#open.size;
  }

  /** The connection to `address` for `purpose`, opened where there is none that works. */
  get({ host, port }: Address, purpose: string): Promise<Connection> {
    if (this.#closed) return Promise.reject(logClosed());
    const key = `${host}:${port}/${purpose}`;
    const open = this.#open.get(key);
    if (open !== undefined) return open.connecting;
    const connection = this.#create(host, purpose);
    // What fails is told to whoever waits for an answer; an error event without a listener would end the process.
    connection.on('error', () => void destroyed(connection));
    const connecting = connect(connection, host, port);
    this.#open.set(key, { connection, connecting });
    const forget = () => {
      if (this.#open.get(key)?.connection === connection) this.#open.delete(key);
    };
    connecting.catch(forget);
    connection.once('closing', forget);
    connection.once('close', () => {
      forget();
      // It was the broker who ended it: the timer of its next login is still there.
      void connection.close();
    });
    return connecting;
  }

  /** Ends all connections for `purpose`, with what is under way on them. */
  async end(purpose: string): Promise<void> {
    const ending = [...this.#open].filter(([key]) => key.endsWith(`/${purpose}`));
    for (const [key] of ending) this.#open.delete(key);
    await Promise.all(ending.map(([, { connection }]) => destroyed(connection)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open.values()].map(({ connection }) => destroyed(connection)));
  }

  #create(host: string, purpose: string): Connection {
    const { tls, sasl, clientId } = this.#options;
    return new PolitelyReauthenticating(clientId, {
      requestTimeout: requestTimeoutMs(purpose),
      connectTimeout: CONNECT_TIMEOUT_MS,
      maxInflights: MAX_IN_FLIGHT,
      // TLS has no way to name a server by its IP address; its certificate is held against that nonetheless.
      ...(tls !== undefined && { tls, tlsServerName: isIP(host) === 0 }),
      ...(sasl !== undefined && { sasl }),
    });
  }
}

/**
 * Where logins last for a limited time (connections.max.reauth.ms), the library logs in again in time. The broker wants to hear
 * nothing else meanwhile, or it ends the connection: other requests wait.
 */
class PolitelyReauthenticating extends Connection {
  override send<T>(...request: Parameters<typeof Connection.prototype.send<T>>): void {
    const isOther = !LOGIN_APIS.has(request[0]);
    if (isOther && this.status === ConnectionStatuses.REAUTHENTICATING) {
      this.ready().then(
        () => super.send(...request),
        () => super.send(...request),
      );
    } else super.send(...request);
  }
}

function requestTimeoutMs(purpose: string): number {
  const found = REQUEST_TIMEOUTS_MS.find(([beginning]) => purpose.startsWith(beginning));
  return found?.[1] ?? REQUEST_TIMEOUT_MS;
}

async function connect(connection: Connection, host: string, port: number): Promise<Connection> {
  try {
    await connection.connect(host, port);
    connection.socket.setKeepAlive(true, PROBED_AFTER_MS);
    return connection;
  } catch (error) {
    // One that failed to log in would stay until the broker ends it.
    await destroyed(connection);
    throw error;
  }
}

/** Does not wait until what was written has left: towards a broker that is unavailable that would take for ever. */
async function destroyed(connection: Connection): Promise<void> {
  const closing = connection.close();
  (connection.socket as Connection['socket'] | undefined)?.destroy();
  await closing;
}
