import { RetryableError } from '#platform';
import { logClosed } from '../errors.ts';
import type { Broker } from './broker.ts';

/** What messages meet with on their way. */
export type Network = {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A message takes up to this long each way. */
  maxDelayMs: number;
  /** The share of requests that fail before they have reached anybody. */
  failing: number;
  /** The share of requests whose reply is lost, so that they are sent again. */
  repeating: number;
};

/** Resolves after the time that a message takes, by the clock of the network or of who receives it. */
export type Delay = () => Promise<void>;

/** One process's way to the broker: every call takes a while, and may find the client closed or its process dead. */
export class Client {
  readonly #broker: Broker;
  readonly #network: Network;
  readonly delay: Delay;
  /** The way back: a process that stands still does not notice what has reached it. */
  readonly #delayBack: Delay;
  readonly #ended = new AbortController();
  #closed = false;
  #killed = false;
  /** What was on its way when the process was killed still arrives. */
  #arrives = false;
  #calls = 0;
  readonly #idle: (() => void)[] = [];

  constructor(broker: Broker, network: Network, delay: Delay, delayBack: Delay = delay) {
    this.#broker = broker;
    this.#network = network;
    this.delay = delay;
    this.#delayBack = delayBack;
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

  /**
   * A request and its reply, each with a delay. A kill between them leaves open what has happened, as it does in life.
   * Where the reply is lost the request arrives a second time, so `work` has to bear that.
   */
  async call<T>(work: (broker: Broker) => T | Promise<T>): Promise<T> {
    this.assertOpen();
    this.#calls++;
    try {
      await this.#request();
      this.assertReachable();
      if (this.#meets(this.#network.repeating)) {
        // Whatever came of it, nobody hears of it.
        await (async () => work(this.#broker))().catch(() => {});
        this.#assertAlive();
        await this.#request();
      }
      const reply = await work(this.#broker);
      await this.#delayBack();
      this.#assertAlive();
      return reply;
    } finally {
      this.#calls--;
      if (this.#calls === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #request(): Promise<void> {
    await this.delay();
    if (!this.#arrives) this.#assertAlive();
  }

  /** RetryableError MR_LOG_UNAVAILABLE. */
  assertReachable(): void {
    if (!this.#meets(this.#network.failing)) return;
    throw new RetryableError('MR_LOG_UNAVAILABLE', 'the log does not respond at the moment', {
      hint: 'nothing was written: retry',
    });
  }

  #meets(share: number): boolean {
    return share > 0 && this.#network.random() < share;
  }

  /** Resolves at the next change of anything, after `timeoutMs`, or when `signal` aborts. */
  async changed(timeoutMs: number, signal: AbortSignal): Promise<'changed' | 'timeout'> {
    const happened = await this.#broker.changed(timeoutMs, signal);
    await this.#delayBack();
    return happened;
  }

  #assertAlive(): void {
    if (this.#killed) throw logClosed();
  }

  /** Nothing of this client reaches the broker any more, or only what is on its way; what it has left open stays open. */
  kill(inFlight: 'is-lost' | 'arrives'): void {
    this.#killed = true;
    this.#arrives = inFlight === 'arrives';
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
