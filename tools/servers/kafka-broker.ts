import { join } from 'node:path';
import type { ServerDirectory } from './server-directory.ts';
import type { ServerProcess } from './server-process.ts';

/** One broker of a server: it can be killed, stopped for a while and started again on its port and data. */
export class KafkaBroker {
  readonly id: number;
  readonly #directory: ServerDirectory;
  readonly #arguments: readonly string[];
  #process: ServerProcess | undefined;

  /** `args` are those of `java`. */
  constructor(id: number, directory: ServerDirectory, args: readonly string[]) {
    this.id = id;
    this.#directory = directory;
    this.#arguments = args;
  }

  /** Of its last run. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning === true;
  }

  /** What it prints, over all its runs. */
  get log(): string {
    return join(this.#directory.path, `broker-${this.id}.log`);
  }

  async start(): Promise<void> {
    this.#process = this.#directory.start('java', this.#arguments, { log: `broker-${this.id}.log` });
    await this.#process.ready((output) => output.includes('Kafka Server started'));
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** SIGTERM: it hands over what it leads, closes its files, and ends. */
  async shutDown(): Promise<void> {
    await this.#process?.end('SIGTERM');
  }

  /** Starts it again on its port and data; one that runs is shut down first. */
  async restart(): Promise<void> {
    await this.shutDown();
    await this.start();
  }

  /** SIGSTOP. */
  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    this.#process?.signal('SIGCONT');
  }
}
