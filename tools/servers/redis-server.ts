import { connect } from 'node:net';
import { serverPort } from './port.ts';
import { requirePrograms } from './programs.ts';
import { ServerDirectory } from './server-directory.ts';
import type { ServerProcess } from './server-process.ts';

export type RedisServerOptions = {
  /** As a cluster of one, which has all slots and refuses commands whose keys lie in several. */
  readonly cluster?: boolean;
  /** Added to its command line: `{ maxmemory: '10mb' }`. */
  readonly settings?: Readonly<Record<string, string>>;
};

/** Redis on a port of 127.0.0.1. What it has acknowledged is there again after a kill. */
export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #directory: ServerDirectory;
  readonly #options: RedisServerOptions;
  #process: ServerProcess | undefined;

  private constructor(port: number, directory: ServerDirectory, options: RedisServerOptions) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#directory = directory;
    this.#options = options;
  }

  /** Resolves when it takes commands. Rejects with the end of its log when it does not come up. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    requirePrograms('redis-server');
    const directory = new ServerDirectory('redis');
    const server = new RedisServer(await serverPort(), directory, options);
    try {
      await server.#run();
      return server;
    } catch (error) {
      await directory.remove();
      throw error;
    }
  }

  get directory(): string {
    return this.#directory.path;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning === true;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** Starts it again on its port and data; one that runs is shut down in order first. */
  async restart(): Promise<void> {
    await this.#process?.end('SIGTERM');
    await this.#run();
  }

  /** SIGSTOP. */
  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  /** Kills it and removes its data. */
  async stop(): Promise<void> {
    await this.#directory.remove();
  }

  async #run(): Promise<void> {
    const { cluster = false, settings = {} } = this.#options;
    const options = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.#directory.path,
      save: '',
      appendonly: 'yes',
      'cluster-enabled': cluster ? 'yes' : 'no',
      ...settings,
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    this.#process = this.#directory.start('redis-server', args, { log: 'redis.log' });
    await this.#process.ready((output) => output.includes('Ready to accept connections'));
    if (!cluster) return;
    // Started again, it has them still, and answers that it is so.
    await this.#command('CLUSTER ADDSLOTSRANGE 0 16383');
    await this.#process.ready(async () => /cluster_state:ok/.test(await this.#command('CLUSTER INFO')));
  }

  /** Sends one command and gives what comes back for it, in the protocol's form. */
  #command(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.on('error', reject);
      socket.once('data', (reply) => {
        socket.destroy();
        resolve(reply.toString());
      });
      socket.write(`${command}\r\n`);
    });
  }
}
