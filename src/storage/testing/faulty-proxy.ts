import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export type Asked = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
};

/**
 * What becomes of a request: an error of the store instead of an answer, after it has done what it was asked for where
 * `isDone`; no answer ever; an answer that ends in its middle
 * though it was announced longer (`cut`); one that is whole, but of fewer or other bytes (`shortened`, `other`); one that is
 * lost after the store has done what it was asked for.
 */
export type Fault =
  | { readonly status: number; readonly code: string; readonly isDone?: true }
  | 'silent'
  | 'cut'
  | 'shortened'
  | 'other'
  | 'lost'
  | undefined;

/** Between a client and a store, at `url`: `fault` says of each request what becomes of it. */
export class FaultyProxy {
  readonly url: string;
  /** What was asked, in order. */
  readonly asked: Asked[] = [];
  fault: (asked: Asked) => Fault = () => undefined;
  readonly #to: URL;

  private constructor(url: string, to: string) {
    this.url = url;
    this.#to = new URL(to);
  }

  static async open(t: { after(cleanUp: () => void): void }, to: string): Promise<FaultyProxy> {
    const server = createServer((incoming, outgoing) => void proxy.#serve(incoming, outgoing));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new FaultyProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, to);
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    return proxy;
  }

  /** The next requests of which `when` holds come to `faults`, one after another; all others pass. */
  next(faults: readonly Fault[], when: (asked: Asked) => boolean = () => true): void {
    const due = [...faults];
    this.fault = (asked) => (when(asked) ? due.shift() : undefined);
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = incoming;
    const asked = { method, url, headers };
    this.asked.push(asked);
    const fault = this.fault(asked);
    if (fault === 'silent') return;
    const sent = await buffer(incoming);
    if (typeof fault === 'object' && fault.isDone !== true) return refuse(outgoing, fault);
    const { hostname: host, port } = this.#to;
    const onward = request({ host, port, method, path: url, headers, agent: false });
    onward.on('error', () => outgoing.destroy());
    onward.end(sent);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    const { statusCode = 502, headers: answered } = answer;
    const body = await buffer(answer);
    if (typeof fault === 'object') return refuse(outgoing, fault);
    if (fault === 'lost') return void outgoing.destroy();
    if (fault === 'cut') {
      outgoing.writeHead(statusCode, { 'content-length': body.length + 1 });
      outgoing.write(body.subarray(0, body.length / 2), () => outgoing.destroy());
      return;
    }
    const changed =
      fault === 'shortened' ? body.subarray(1) : fault === 'other' ? body.map((byte) => byte ^ 1) : body;
    const { 'transfer-encoding': _, ...rest } = answered;
    outgoing.writeHead(statusCode, method === 'HEAD' ? rest : { ...rest, 'content-length': changed.length });
    outgoing.end(changed);
  }
}

function refuse(outgoing: ServerResponse, { status, code }: Exclude<Fault, string | undefined>): void {
  const body = `<Error><Code>${code}</Code><Message>so it is &amp; stays</Message></Error>`;
  outgoing.writeHead(status, { 'content-type': 'application/xml' }).end(body);
}
