import { randomUUID } from 'node:crypto';
import { serverPort } from './port.ts';
import { RestartableProcess } from './restartable-process.ts';
import { ServerDirectory } from './server-directory.ts';
import type { ServerProcess } from './server-process.ts';

/** moto's program, of the environment in which requirements.txt was installed. */
const program = process.env.MOTO_SERVER;

/** Lists come in pages of few objects, so that there are several. */
const PAGES = { MOTO_S3_DEFAULT_MAX_KEYS: '10' };

/** Why tests of an object store are skipped; false where there is one. */
export const s3Skip: string | false =
  program === undefined ? 'no MOTO_SERVER: tools/servers/requirements.txt brings it' : false;

export type S3Key = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** Requests that make a bucket and a user with a key, after which the server checks each signature. */
const UNSIGNED_REQUESTS = 4;
const ANYTHING = { Effect: 'Allow', Action: '*', Resource: '*' };

/** An S3 server (moto) on a port of 127.0.0.1. It takes any credentials unless it is guarded; a restart forgets all objects. */
export class S3Server extends RestartableProcess {
  readonly url: string;
  readonly #home: ServerDirectory;

  private constructor(port: number, home: ServerDirectory, environment: Readonly<Record<string, string>>) {
    const args = ['-H', '127.0.0.1', '-p', String(port)];
    super(home, { program: program ?? '', args, log: 's3.log', environment });
    this.url = `http://127.0.0.1:${port}`;
    this.#home = home;
  }

  /** Rejects with the end of its log when it does not come up. */
  static async start(environment: Readonly<Record<string, string>> = {}): Promise<S3Server> {
    const home = new ServerDirectory('s3');
    const server = new S3Server(await serverPort(), home, { ...PAGES, ...environment });
    try {
      await server.start();
      return server;
    } catch (error) {
      await home.remove();
      throw error;
    }
  }

  /** One that takes signatures of a key alone, with a bucket. */
  static async startGuarded(): Promise<{ server: S3Server; bucket: string; key: S3Key }> {
    const server = await S3Server.start({ INITIAL_NO_AUTH_ACTION_COUNT: String(UNSIGNED_REQUESTS) });
    try {
      const bucket = await server.bucket();
      const user = { UserName: 'user' };
      await server.#manage('CreateUser', user);
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [ANYTHING] });
      await server.#manage('PutUserPolicy', { ...user, PolicyName: 'anything', PolicyDocument });
      const made = await server.#manage('CreateAccessKey', user);
      const value = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(made)?.[1] ?? '';
      const key = { accessKeyId: value('AccessKeyId'), secretAccessKey: value('SecretAccessKey') };
      return { server, bucket, key };
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** A request to the server's management of users. */
  async #manage(action: string, parameters: Readonly<Record<string, string>>): Promise<string> {
    const body = new URLSearchParams({ Action: action, Version: '2010-05-08', ...parameters }).toString();
    // The service is told by the signature's scope alone.
    const authorization =
      'AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0';
    const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
    const response = await fetch(this.url, { method: 'POST', headers, body });
    const text = await response.text();
    if (!response.ok) throw new Error(`${action}: ${response.status} ${text}`);
    return text;
  }

  /** Makes a bucket that nobody else uses, and returns its name. */
  async bucket(): Promise<string> {
    const name = `bucket-${randomUUID()}`;
    const response = await fetch(`${this.url}/${name}`, { method: 'PUT' });
    if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
    return name;
  }

  /** Kills it and removes its data. */
  async stop(): Promise<void> {
    await this.#home.remove();
  }

  protected async untilReady(process: ServerProcess): Promise<void> {
    await process.ready((output) => output.includes('Running on'));
  }
}
