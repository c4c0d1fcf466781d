import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { systemClock } from '#platform';
import { testSeed } from '#platform/testing';
import { Random } from '../simulation/random.ts';

type Address = { readonly host: string; readonly port: number };

/** What happens to a piece of a stream, on its way in either direction. */
export type Weather = {
  /** It takes up to so long, and what follows it waits. */
  readonly delayMs: number;
  readonly bytesPerSecond: number;
  /** The share of pieces of which but a part arrives, because the connection breaks. */
  readonly cut: number;
};

export const FAIR: Weather = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, cut: 0 };

/** A TCP relay with the weather of a bad network. */
export class Relay {
  /** Where it leads to. */
  target: Address | undefined;
  weather: Weather = FAIR;
  /** Connections that it has broken. */
  cuts = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #random = new Random(testSeed);
  /** Resolves when bytes pass again. */
  #silence: Promise<void> = Promise.resolve();

  private constructor() {
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async open(t: TestContext, host: string): Promise<Relay> {
    const relay = new Relay();
    relay.#server.listen(0, host);
    await once(relay.#server, 'listening');
    t.after(() => relay.#close());
    return relay;
  }

  get address(): Address {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  /** For `ms` nothing passes, and no connection breaks. */
  async silence(ms: number): Promise<void> {
    this.#silence = systemClock.sleep(ms);
    await this.#silence;
  }

  #accept(client: Socket): void {
    const { target } = this;
    if (target === undefined) return void client.destroy();
    const server = connect(target);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.once('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      // What breaks here is told by its close.
      from.on('error', () => {});
      this.#carry(from, to).catch(() => to.destroy());
    }
  }

  async #carry(from: Socket, to: Socket): Promise<void> {
    for await (const piece of from as AsyncIterable<Buffer>) {
      const { bytesPerSecond, cut, delayMs } = this.weather;
      if (delayMs > 0) await systemClock.sleep(this.#random.next() * delayMs);
      await this.#silence;
      if (this.#random.next() < cut) {
        this.cuts++;
        to.end(piece.subarray(0, Math.floor(this.#random.next() * piece.length)));
        from.destroy();
        return;
      }
      if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      if (bytesPerSecond < Number.POSITIVE_INFINITY) {
        await systemClock.sleep((1000 * piece.length) / bytesPerSecond);
      }
    }
    to.end();
  }

  async #close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
