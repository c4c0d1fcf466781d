import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Writer } from '@platformatic/kafka';
import type { Address } from '../kafka-options.ts';

/** Where it stands in a request, behind size, API and version. */
const CORRELATION = 8;

/** A server that answers every request as one for metadata (version 12), with the brokers that it is told; or nothing. */
export class TellingBroker {
  readonly sockets = new Set<Socket>();
  isSilent = false;
  brokers: ReadonlyMap<number, Address> = new Map();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      let received = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        for (let end = 0; received.length >= 4; received = received.subarray(end)) {
          end = 4 + received.readInt32BE();
          if (received.length < end) break;
          if (!this.isSilent) socket.write(this.#answer(received.readInt32BE(CORRELATION)));
        }
      });
    });
  }

  static async start(t: TestContext): Promise<TellingBroker> {
    const broker = new TellingBroker();
    broker.#server.listen(0, '127.0.0.1');
    await once(broker.#server, 'listening');
    t.after(() => broker.stop());
    return broker;
  }

  get address(): Address {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  #answer(correlation: number): Buffer {
    return Writer.create()
      .appendInt32(correlation)
      .appendTaggedFields()
      .appendInt32(0) // throttle time
      .appendArray([...this.brokers], (writer, [id, { host, port }]) => {
        writer.appendInt32(id).appendString(host).appendInt32(port).appendString(null);
      })
      .appendString('cluster')
      .appendInt32(-1) // controller
      .appendArray([], () => {})
      .appendTaggedFields()
      .prependLength().buffer;
  }
}
