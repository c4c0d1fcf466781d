/** `millrace start` in a process and a directory of its own, as its users run it, and a client of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { systemClock } from '#platform';
import { freePort } from '#platform/testing';

const MAIN = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const START_DEADLINE_MS = 300_000;
const TICKS_PER_SECOND = 100;

export class Product {
  readonly client: Client;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, client: Client) {
    this.#child = child;
    this.client = client;
  }

  /** Resolves when a version answers. `environment`: options of it. */
  static async start(
    directory: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Product> {
    const port = await freePort();
    const child = spawn(process.execPath, [MAIN, 'start', '--data', directory], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, MILLRACE_HTTP_PORT: String(port), ...environment },
    });
    const product = new Product(child, new Client(port));
    await product.#answers();
    return product;
  }

  /** Processor time so far, all threads, s (Linux). */
  get cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    const fields = stat.split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    await exited;
  }

  async #answers(): Promise<void> {
    const deadline = performance.now() + START_DEADLINE_MS;
    while ((await this.client.recommend('u1').catch(() => undefined))?.version == null) {
      if (this.#child.exitCode !== null)
        throw new Error(`the product ended with code ${this.#child.exitCode}`);
      if (performance.now() > deadline) {
        this.#child.kill('SIGKILL');
        throw new Error('the product gave no answer in time');
      }
      await systemClock.sleep(20);
    }
  }
}

type AnswerBody = {
  readonly version: string | null;
  readonly items: readonly { readonly item_id: string }[];
};

export class Client {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(port: number) {
    this.#port = port;
  }

  async recommend(user: string): Promise<AnswerBody> {
    return JSON.parse(await this.#send('GET', `/recommend/${user}?k=10`)) as AnswerBody;
  }

  async post(event: object): Promise<void> {
    await this.#send('POST', '/events', JSON.stringify(event));
  }

  #send(method: string, path: string, body?: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request({
      port: this.#port,
      host: '127.0.0.1',
      agent: this.#agent,
      method,
      path,
      headers,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isGood = (response.statusCode ?? 500) < 300;
        if (isGood) resolve(text);
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
      });
    });
    outgoing.end(body);
    return promise;
  }
}
