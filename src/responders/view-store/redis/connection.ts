import type { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { backoffMs, ConfigurationError, type Logger } from '#platform';
import { ioredis } from './ioredis.ts';
import { isReply, redisError } from './redis-errors.ts';
import {
  parseRedisUrl,
  type RedisAddress,
  type RedisLocation,
  redisName,
  type ViewsOwner,
} from './redis-url.ts';
import type { RedisScript } from './scripts.ts';

/** How long an opening waits for a server that is just being started. */
const OPEN_WITHIN_MS = 10_000;
const OPEN_RETRY_MS = 250;
/** A server that accepts and never answers is unavailable like one that is not there. */
const COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_BACKOFF = { firstMs: 50, longestMs: 1_000 };

/**
 * A connection to one Redis, or to all nodes of a cluster, which it finds out by itself. A command fails at once while
 * the server is unavailable, and the connection is made again in the background. Errors of every call: RetryableError
 * MR_REDIS_UNAVAILABLE, ConfigurationError MR_REDIS_REFUSED.
 */
export class RedisConnection {
  /** The address without user and password. */
  readonly name: string;
  readonly namespace: string;
  /** The log that the namespace has to belong to, where one was named. */
  readonly owner: ViewsOwner | undefined;
  readonly #client: Redis | Cluster;
  readonly #isCluster: boolean;
  #subscriber: Promise<Redis | Cluster> | undefined;
  #epoch = 0;

  private constructor(
    address: RedisAddress,
    owner: ViewsOwner | undefined,
    client: Redis | Cluster,
    logger: Logger,
  ) {
    this.owner = owner;
    this.name = redisName(address);
    this.namespace = address.namespace;
    this.#client = client;
    this.#isCluster = client instanceof ioredis().Cluster;
    let isAway = false;
    const lost = (error: unknown) => {
      if (!isAway) logger.warn({ err: redisError(error, this.name) }, 'Redis is away');
      isAway = true;
    };
    const events: EventEmitter = client;
    events.on('error', lost);
    events.on('node error', lost);
    const back = () => {
      this.#epoch++;
      if (isAway) logger.info({ redis: this.name }, 'Redis is back');
      isAway = false;
    };
    events.on('ready', back);
    events.on('+node', back);
  }

  /** Errors: MR_REDIS_URL, MR_REDIS_REFUSED; MR_REDIS_UNAVAILABLE when it does not answer for ten seconds. */
  static async open(
    location: RedisLocation,
    logger: Logger,
    withinMs = OPEN_WITHIN_MS,
  ): Promise<RedisConnection> {
    const address = parseRedisUrl(location);
    const until = performance.now() + withinMs;
    for (;;) {
      try {
        const { isCluster } = await inspect(address);
        const client = isCluster ? clusterClient(address) : new (ioredis().Redis)(singleOptions(address));
        const connection = new RedisConnection(address, location.owner, client, logger);
        try {
          await connected(client, until);
          return connection;
        } catch (error) {
          client.disconnect();
          throw redisError(error, connection.name);
        }
      } catch (error) {
        if (error instanceof ConfigurationError || performance.now() > until) throw error;
        await sleep(OPEN_RETRY_MS);
      }
    }
  }

  /** Grows whenever the server may be another one, or the same with older data: with each connection made. */
  get epoch(): number {
    return this.#epoch;
  }

  async get(key: string): Promise<Buffer | null> {
    return this.#call(() => this.#client.getBuffer(key));
  }

  /** Values in the order requested. A single Redis reads all atomically, a cluster those with the same hash tag. */
  async mget(keys: readonly string[]): Promise<(Buffer | null)[]> {
    if (keys.length === 0) return [];
    if (!this.#isCluster) return this.#call(() => this.#client.mgetBuffer([...keys]));
    const values = new Array<Buffer | null>(keys.length).fill(null);
    const slots = byHashTag(keys).values();
    await Promise.all(
      Array.from(slots, async (indices) => {
        const some = indices.map((index) => keys[index] as string);
        const replies = await this.#call(() => this.#client.mgetBuffer(some));
        for (const [i, index] of indices.entries()) values[index] = replies[i] ?? null;
      }),
    );
    return values;
  }

  async members(key: string): Promise<string[]> {
    return this.#call(() => this.#client.smembers(key));
  }

  /** Runs the script where its keys lie, all of which have one hash tag; it is sent where the server doesn't have it. */
  async run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
  ): Promise<number> {
    const given = [keys.length, ...keys, ...args] as const;
    const reply = await this.#call(async () => {
      try {
        return await this.#client.evalsha(script.sha, ...given);
      } catch (error) {
        if (!isReply(error, 'NOSCRIPT')) throw error;
        return this.#client.eval(script.source, ...given);
      }
    });
    return Number(reply);
  }

  async unlink(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const groups = this.#isCluster ? [...byHashTag(keys).values()] : [keys.map((_, index) => index)];
    await Promise.all(
      groups.map((indices) => {
        const some = indices.map((index) => keys[index] as string);
        return this.#call(() => this.#client.unlink(...some));
      }),
    );
  }

  /** Keys that match, a page at a time; one that is written meanwhile may be missed, or come twice. */
  async *scan(pattern: string, pageSize: number): AsyncGenerator<string[]> {
    const nodes = this.#client instanceof ioredis().Cluster ? this.#client.nodes('master') : [this.#client];
    for (const node of nodes) {
      let cursor = '0';
      do {
        const from = cursor;
        const [next, keys] = await this.#call(() => node.scan(from, 'MATCH', pattern, 'COUNT', pageSize));
        cursor = next;
        if (keys.length > 0) yield keys;
      } while (cursor !== '0');
    }
  }

  /** Reaches who listens at the moment. */
  async publish(channel: string, message: string): Promise<void> {
    await this.#call(() => this.#client.publish(channel, message));
  }

  /** Calls `told` with each message; with undefined whenever some may have been missed, as while the server was away. */
  async subscribe(channel: string, told: (message: string | undefined) => void): Promise<void> {
    this.#subscriber ??= this.#openSubscriber();
    const subscriber = await this.#subscriber;
    subscriber.on('message', (of: string, message: string) => {
      if (of === channel) told(message);
    });
    await this.#call(() => subscriber.subscribe(channel));
    subscriber.on('ready', () => told(undefined));
  }

  close(): void {
    this.#client.disconnect();
    void this.#subscriber?.then((subscriber) => subscriber.disconnect()).catch(() => {});
  }

  /** Who listens on a connection can send nothing over it. It subscribes again by itself when it has been lost. */
  async #openSubscriber(): Promise<Redis | Cluster> {
    const client = this.#client;
    const subscriber = client instanceof ioredis().Cluster ? client.duplicate() : client.duplicate();
    // The other connection tells that the server is unavailable.
    subscriber.on('error', () => {});
    try {
      await this.#call(() => subscriber.connect());
    } catch (error) {
      subscriber.disconnect();
      throw error;
    }
    return subscriber;
  }

  async #call<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await command();
    } catch (error) {
      throw redisError(error, this.name);
    }
  }
}

/** What one Redis and each node of a cluster have in common. */
function nodeOptions({ host, username, password, tls }: RedisAddress) {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls: { servername: host, ...(tls.ca !== undefined && { ca: tls.ca }) } }),
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // After a failover behind one name, the connection is to what is a replica now.
    reconnectOnError: (error: Error) => isReply(error, 'READONLY'),
  };
}

function singleOptions(address: RedisAddress) {
  const { host, port, database: db } = address;
  return {
    ...nodeOptions(address),
    host,
    port,
    db,
    enableOfflineQueue: false,
    retryStrategy: (times: number) => backoffMs(RECONNECT_BACKOFF, times),
  };
}

function clusterClient(address: RedisAddress): Cluster {
  const { host, port, tls } = address;
  return new (ioredis().Cluster)([{ host, port }], {
    redisOptions: nodeOptions(address),
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: (times: number) => backoffMs(RECONNECT_BACKOFF, times),
    clusterNodeRetryStrategy: (times: number) => backoffMs(RECONNECT_BACKOFF, times),
    // The names that certificates are issued for are not to be turned into addresses.
    ...(tls !== undefined && { dnsLookup: keepName }),
  });
}

function keepName(name: string, done: (error: null, address: string) => void): void {
  done(null, name);
}

/** A cluster whose nodes can't be reached under the addresses that it gives out would be tried for ever. */
async function connected(client: Redis | Cluster, until: number): Promise<void> {
  const giveUp = new AbortController();
  const late = sleep(Math.max(CONNECT_TIMEOUT_MS, until - performance.now()), undefined, giveUp).then(() => {
    throw new Error('it was not ready in time');
  });
  late.catch(() => {});
  try {
    await Promise.race([client.connect(), late]);
  } finally {
    giveUp.abort();
  }
}

/** One connection to find out whether everything is right: the reasons for a refusal come as events only. */
async function inspect(address: RedisAddress): Promise<{ isCluster: boolean }> {
  const name = redisName(address);
  const client = new (ioredis().Redis)({ ...singleOptions(address), retryStrategy: () => null });
  let reason: unknown;
  client.on('error', (error) => {
    reason ??= error;
  });
  try {
    await client.connect();
    // A database that is not there is refused, and the client goes on in another.
    if (reason !== undefined) throw reason;
    const facts = await client.info();
    const isCluster = factOf(facts, 'cluster_enabled') === '1';
    if (isCluster && address.database !== 0) throw new ConfigurationError(...noDatabases(name));
    requireNoEviction(facts, name);
    return { isCluster };
  } catch (error) {
    throw redisError(reason ?? error, name);
  } finally {
    client.disconnect();
  }
}

function factOf(facts: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(facts)?.[1];
}

function noDatabases(name: string): ConstructorParameters<typeof ConfigurationError> {
  const hint = 'Omit the number, and separate installations by ?namespace=NAME.';
  return ['MR_REDIS_REFUSED', `Redis at ${name} is a cluster, which has database 0 only.`, { hint }];
}

/** A Redis that drops keys when its memory is full would make users unknown without anybody's noticing. */
function requireNoEviction(facts: string, name: string): void {
  const policy = factOf(facts, 'maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction' || (factOf(facts, 'maxmemory') ?? '0') === '0') return;
  throw new ConfigurationError(
    'MR_REDIS_REFUSED',
    `Redis at ${name} evicts keys when its memory is full (maxmemory-policy ${policy}): rows would disappear unnoticed.`,
    { hint: 'Set maxmemory-policy noeviction.' },
  );
}

/** Indices of the keys by what stands in their braces: such keys lie in one slot of a cluster. */
function byHashTag(keys: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [index, key] of keys.entries()) {
    const tag = key.slice(key.indexOf('{'), key.indexOf('}'));
    const group = groups.get(tag);
    if (group === undefined) groups.set(tag, [index]);
    else group.push(index);
  }
  return groups;
}
