import type { RedisConnection } from './connection.ts';
import type { Keyspace } from './keyspace.ts';
import { beginNext, forgetGarbage, holdBuilder, releaseBuilder, switchLive } from './scripts.ts';

/**
 * Which generation of keys is live, which is being built and by whom, and which are garbage. One writer at a time has
 * the right to build, for as long as it renews it; one that comes after it goes on with what it has left.
 */
export class Generations {
  readonly #connection: RedisConnection;
  readonly #keys: Keyspace;

  constructor(connection: RedisConnection, keys: Keyspace) {
    this.#connection = connection;
    this.#keys = keys;
  }

  async live(): Promise<string | undefined> {
    return (await this.#connection.get(this.#keys.control('live')))?.toString();
  }

  async next(): Promise<string | undefined> {
    return (await this.#connection.get(this.#keys.control('next')))?.toString();
  }

  /** Takes or renews the right to build; false where another one has it. */
  async holdBuilder(token: string, leaseMs: number): Promise<boolean> {
    const args = [token, String(leaseMs)];
    return (await this.#connection.run(holdBuilder, [this.#keys.control('builder')], args)) === 1;
  }

  async releaseBuilder(token: string): Promise<void> {
    await this.#connection.run(releaseBuilder, [this.#keys.control('builder')], [token]);
  }

  /** Before the first key of a generation is written. False where the right to build is lost. */
  async beginNext(token: string, generation: string): Promise<boolean> {
    const keys = [this.#keys.control('builder'), this.#keys.control('next'), this.#keys.control('garbage')];
    return (await this.#connection.run(beginNext, keys, [token, generation])) === 1;
  }

  /** Makes the generation the live one, and the one before it garbage. False where the right to build is lost. */
  async switchTo(token: string, generation: string): Promise<boolean> {
    const names = ['builder', 'next', 'garbage', 'live'] as const;
    const keys = names.map((name) => this.#keys.control(name));
    return (await this.#connection.run(switchLive, keys, [token, generation])) === 1;
  }

  garbage(): Promise<string[]> {
    return this.#connection.members(this.#keys.control('garbage'));
  }

  async forgetGarbage(generation: string): Promise<void> {
    await this.#connection.run(forgetGarbage, [this.#keys.control('garbage')], [generation]);
  }
}
