import { connect } from 'node:net';
import { serverPort } from './port.ts';
import { requirePrograms } from './programs.ts';
import { RestartableProcess } from './restartable-process.ts';
import { ServerDirectory } from './server-directory.ts';
import type { ServerProcess } from './server-process.ts';

export type RedisServerOptions = {
  /** As a cluster of one, which has all slots and refuses commands whose keys lie in several. */
  readonly cluster?: boolean;
  /** Added to its command line: `{ maxmemory: '10mb' }`. */
  readonly settings?: Readonly<Record<string, string>>;
};

/** Redis on a port of 127.0.0.1. What it has acknowledged is there again after a kill. */
export class RedisServer extends RestartableProcess {
  readonly port: number;
  readonly url: string;
  readonly #home: ServerDirectory;
  readonly #isCluster: boolean;

  private constructor(
    port: number,
    home: ServerDirectory,
    { cluster = false, settings = {} }: RedisServerOptions,
  ) {
    const options = {
      port: String(port),
      bind: '127.0.0.1',
      dir: home.path,
      save: '',
      appendonly: 'yes',
      'cluster-enabled': cluster ? 'yes' : 'no',
      ...settings,
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    super(home, { program: 'redis-server', args, log: 'redis.log' });
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#home = home;
    this.#isCluster = cluster;
  }

  /** Resolves when it takes commands. Rejects with the end of its log when it does not come up. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    requirePrograms('redis-server');
    const directory = new ServerDirectory('redis');
    const server = new RedisServer(await serverPort(), directory, options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await directory.remove();
      throw error;
    }
  }

  /** Kills it and removes its data. */
  async stop(): Promise<void> {
    await this.#home.remove();
  }

  protected async untilReady(process: ServerProcess): Promise<void> {
    await process.ready((output) => output.includes('Ready to accept connections'));
    if (!this.#isCluster) return;
    // Started again, it has them still, and answers that it is so.
    await this.#command('CLUSTER ADDSLOTSRANGE 0 16383');
    await process.ready(async () => /cluster_state:ok/.test(await this.#command('CLUSTER INFO')));
  }

  /** Sends one command and returns what comes back for it, in the protocol's form. */
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
