/** API keys of services: the topic has their hashes, and who calls holds the keys. */
import { createHash, randomBytes } from 'node:crypto';
import type { Topic } from '#engine';
import type { Log } from '#log';
import { type Caller, type Clock, type Logger, type Metrics, RetryableError } from '#platform';
import { TopicFollower } from '#responders';
import type { ApiKey } from '#schemas';
import { rightsOf } from './grants.ts';

const PREFIX = 'mrk_';

export type ApiKeysEnvironment = {
  readonly log: Log;
  readonly topic: Topic<string, ApiKey>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/** A key of 256 random bits: a hash without salt and without repetition protects it as well as any. */
export function newApiKey(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

export function isApiKey(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** The valid keys, as the topic has them a moment after each change. */
export class ApiKeys {
  readonly #callers = new Map<string, Caller>();
  readonly #hashes = new Map<string, string>();
  #follower: TopicFollower<ApiKey> | undefined;

  /** Resolves when all keys are read. */
  static async open({ topic, ...environment }: ApiKeysEnvironment): Promise<ApiKeys> {
    const keys = new ApiKeys();
    const follower = await TopicFollower.open(environment, topic, ({ key, value }) => keys.#note(key, value));
    keys.#follower = follower;
    try {
      await follower.caughtUp;
    } catch (error) {
      await follower.close();
      throw error;
    }
    return keys;
  }

  /** Whose key it is; undefined for one that is unknown or revoked. Errors: RetryableError MR_ACCESS_KEYS_AWAY. */
  callerOf(key: string): Caller | undefined {
    // Whoever does not learn of revocations accepts nothing.
    const away = this.#follower?.notReady();
    if (away === undefined) return this.#callers.get(hashOf(key));
    throw new RetryableError('MR_ACCESS_KEYS_AWAY', `API keys cannot be checked: ${away}.`, {
      hint: 'Retry in a moment.',
    });
  }

  async close(): Promise<void> {
    await this.#follower?.close();
  }

  #note(name: string, key: ApiKey | null): void {
    this.#callers.delete(this.#hashes.get(name) ?? '');
    this.#hashes.delete(name);
    if (key === null || key.revoked_ts !== null) return;
    this.#hashes.set(name, key.hash);
    this.#callers.set(key.hash, { name: `key ${name}`, rights: rightsOf(key.grants) });
  }
}
