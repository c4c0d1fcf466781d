import { logClosed } from '../errors.ts';
import type { Broker } from './broker.ts';

/** One process's way to the broker: every call takes a while, and may find the client closed or its process dead. */
export class Client {
  readonly #broker: Broker;
  /** Resolves after the time that a message takes. */
  readonly delay: () => Promise<void>;
  readonly #ended = new AbortController();
  #closed = false;
  #killed = false;
  #calls = 0;
  readonly #idle: (() => void)[] = [];

  constructor(broker: Broker, delay: () => Promise<void>) {
    this.#broker = broker;
    this.delay = delay;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Aborts when the client is closed or killed. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  assertOpen(): void {
    if (this.#closed) throw logClosed();
  }

  /** A request and its reply, each with a delay. A kill between them leaves open what has happened, as it does in life. */
  async call<T>(work: (broker: Broker) => T | Promise<T>): Promise<T> {
    this.assertOpen();
    this.#calls++;
    try {
      await this.delay();
      this.#assertAlive();
      const reply = await work(this.#broker);
      await this.delay();
      this.#assertAlive();
      return reply;
    } finally {
      this.#calls--;
      if (this.#calls === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  #assertAlive(): void {
    if (this.#killed) throw logClosed();
  }

  /** Nothing of this client reaches the broker any more; what it has left open stays open. */
  kill(): void {
    this.#killed = true;
    this.#closed = true;
    this.#ended.abort();
  }

  /** Refuses new calls, resolves when those under way have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ended.abort();
    if (this.#calls > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}
