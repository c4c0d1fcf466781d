import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerDirectory } from '../servers/server-directory.ts';
import type { ServerProcess } from '../servers/server-process.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** What replicas read that others have written: a volume that all of them mount. */
const SHARED = ['versions', 'indexes', 'snapshots', 'offline'] as const;

export type ReplicaOptions = {
  readonly name: string;
  readonly roles: readonly string[];
  readonly port: number;
  readonly home: ServerDirectory;
  /** File of options that all replicas have. */
  readonly configuration: string;
};

/** A process of some roles, each time with an empty disk, at one address. */
export class Replica {
  readonly name: string;
  readonly roles: readonly string[];
  readonly url: string;
  readonly #options: ReplicaOptions;
  #process: ServerProcess | undefined;
  #runs = 0;

  constructor(options: ReplicaOptions) {
    const { name, roles, port } = options;
    this.name = name;
    this.roles = roles;
    this.url = `http://127.0.0.1:${port}`;
    this.#options = options;
  }

  /** The directory of its present run. */
  get data(): string {
    return join(this.#options.home.path, `${this.name}-${this.#runs}`);
  }

  /** Starts it with an empty disk; `untilReady` tells when it serves. */
  start(): void {
    const { home, configuration, port, roles, name } = this.#options;
    this.#runs++;
    mkdirSync(this.data, { recursive: true });
    for (const folder of SHARED) {
      const shared = join(home.path, 'shared', folder);
      mkdirSync(shared, { recursive: true });
      symlinkSync(shared, join(this.data, folder));
    }
    const args = [MAIN, 'start', '--json', '--config', configuration, '--data', this.data];
    const own = ['--port', String(port), '--roles', roles.join(',')];
    this.#process = home.start(process.execPath, [...args, ...own], { log: `${name}.log` });
  }

  /** Resolves when every role of it is ready. Rejects with the end of its log when it ends before. */
  async untilReady(): Promise<void> {
    await this.#process?.ready(() => this.isReady());
  }

  async isReady(): Promise<boolean> {
    const answer = await fetch(`${this.url}/health/ready`).catch(() => undefined);
    await answer?.arrayBuffer();
    return answer?.ok === true;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning === true;
  }

  /** The exit code of its last run; null while it runs, and where a signal has ended it. */
  get exitCode(): number | null {
    return this.#process?.exitCode ?? null;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** SIGTERM: it drains, hands over and ends. Returns what it has printed. */
  async stop(): Promise<string> {
    await this.#process?.end('SIGTERM', 60_000);
    return this.#process?.output() ?? '';
  }
}
