import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

export type Credentials = { readonly username: string; readonly password: string };

type Options = {
  /** Port of 127.0.0.1 to which requests go on. */
  readonly to: number;
  /** Port on which it listens. */
  readonly port: number;
  /** Those that every request has to bring. */
  readonly credentials: Credentials | undefined;
  /** Files, PEM; with them it speaks HTTPS. */
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined;
};

/** Passes HTTP requests on to a port of this machine: those that bring the credentials, encrypted where it has a certificate. */
export class GuardedProxy {
  readonly origin: string;
  readonly credentials: Credentials | undefined;
  readonly certificate: string | undefined;
  readonly #to: number;
  readonly #server: Server;

  private constructor({ to, port, credentials, certificate }: Options) {
    this.origin = `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
    this.credentials = credentials;
    this.certificate = certificate?.certificate;
    this.#to = to;
    const listener = (incoming: IncomingMessage, outgoing: ServerResponse) => this.#serve(incoming, outgoing);
    this.#server =
      certificate === undefined
        ? createServer(listener)
        : createTlsServer(
            { cert: readFileSync(certificate.certificate), key: readFileSync(certificate.key) },
            listener,
          );
    this.#server.unref();
  }

  static async open(options: Options): Promise<GuardedProxy> {
    const proxy = new GuardedProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(options.port, '127.0.0.1', resolve);
    });
    return proxy;
  }

  #serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (!this.#admits(incoming)) {
      outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="registry"' }).end();
      return;
    }
    const { method, url, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port: this.#to, method, path: url, headers, agent: false });
    onward.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    // The server behind the proxy is unavailable, so the proxy is, too.
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }

  #admits({ headers }: IncomingMessage): boolean {
    if (this.credentials === undefined) return true;
    const { username, password } = this.credentials;
    return headers.authorization === `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
