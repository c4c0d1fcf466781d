import { join } from 'node:path';
import { makeCertificate } from './certificate.ts';
import { registryJar } from './downloads.ts';
import { type Credentials, GuardedProxy } from './guarded-proxy.ts';
import { serverPort } from './port.ts';
import { requirePrograms } from './programs.ts';
import { RestartableProcess } from './restartable-process.ts';
import { ServerDirectory } from './server-directory.ts';
import type { ServerProcess } from './server-process.ts';

export type RegistryServerOptions = {
  /** Wants a name and a password, by HTTP's basic authentication. */
  readonly auth?: boolean;
  /** Speaks HTTPS only. */
  readonly tls?: boolean;
  /** Added to its environment. */
  readonly environment?: Readonly<Record<string, string>>;
};

type Parts = {
  readonly jar: string;
  readonly directory: ServerDirectory;
  readonly port: number;
  readonly proxy: GuardedProxy | undefined;
  readonly environment: Readonly<Record<string, string>>;
};

const credentials: Credentials = { username: 'millrace', password: 'millrace-secret' };

/** Apicurio's registry, which speaks Confluent's API, on a port of 127.0.0.1. */
export class RegistryServer extends RestartableProcess {
  /** With the path of Confluent's API, without credentials. */
  readonly url: string;
  /** With the option `auth`. */
  readonly credentials: Credentials | undefined;
  /** With the option `tls`: file of the certificate to trust, PEM. */
  readonly ca: string | undefined;
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    const { jar, directory, port, proxy, environment } = parts;
    super(directory, {
      program: 'java',
      args: ['-Xmx192m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-jar', jar],
      log: 'registry.log',
      environment: {
        QUARKUS_HTTP_HOST: '127.0.0.1',
        QUARKUS_HTTP_PORT: String(port),
        APICURIO_DATASOURCE_URL: `jdbc:h2:file:${join(directory.path, 'registry')};WRITE_DELAY=0`,
        ...environment,
      },
    });
    this.#parts = parts;
    this.url = `${proxy?.origin ?? `http://127.0.0.1:${port}`}/apis/ccompat/v7`;
    this.credentials = proxy?.credentials;
    this.ca = proxy?.certificate;
  }

  /** Resolves when it takes requests. Rejects with the end of its log when it does not come up. */
  static async start({
    auth = false,
    tls = false,
    environment = {},
  }: RegistryServerOptions = {}): Promise<RegistryServer> {
    requirePrograms('java');
    const jar = await registryJar();
    const directory = new ServerDirectory('registry');
    try {
      const port = await serverPort();
      const proxy =
        auth || tls
          ? await GuardedProxy.open({
              to: port,
              port: await serverPort(),
              credentials: auth ? credentials : undefined,
              certificate: tls ? await makeCertificate(directory.path) : undefined,
            })
          : undefined;
      const server = new RegistryServer({ jar, directory, port, proxy, environment });
      await server.start();
      return server;
    } catch (error) {
      await directory.remove();
      throw error;
    }
  }

  /** Kills it and removes its data. */
  async stop(): Promise<void> {
    await this.#parts.proxy?.close();
    await this.#parts.directory.remove();
  }

  protected untilReady(process: ServerProcess): Promise<void> {
    return process.ready(() => answers(`http://127.0.0.1:${this.#parts.port}/apis/ccompat/v7/subjects`));
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
