import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerDirectory } from './server-directory.ts';
import type { ServerProcess } from './server-process.ts';

/** A process that has not stopped by then is stopped soon enough for most that is to be shown of it. */
const PAUSE_MS = 5_000;

type Program = {
  readonly program: string;
  readonly args: readonly string[];
  /** File in the directory that takes what it prints. */
  readonly log: string;
  readonly environment?: Readonly<Record<string, string>>;
};

/** A server's program: it can be killed, stopped for a while and started again on its port and data. */
export abstract class RestartableProcess {
  readonly #home: ServerDirectory;
  readonly #program: Program;
  #process: ServerProcess | undefined;

  constructor(home: ServerDirectory, program: Program) {
    this.#home = home;
    this.#program = program;
  }

  /** Waits until it takes requests. */
  protected abstract untilReady(process: ServerProcess): Promise<void>;

  get directory(): string {
    return this.#home.path;
  }

  /** What it prints, over all its runs. */
  get log(): string {
    return join(this.directory, this.#program.log);
  }

  /** Process id of the latest run. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning === true;
  }

  /** Resolves when it takes requests. Rejects with the end of its log when it does not come up. */
  async start(): Promise<void> {
    const { program, args, ...options } = this.#program;
    this.#process = this.#home.start(program, args, options);
    await this.untilReady(this.#process);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** SIGTERM: it hands over what others wait for, closes its files, and ends. */
  async shutDown(): Promise<void> {
    await this.#process?.end('SIGTERM');
  }

  /** Starts it again on its port and data; one that runs is shut down first. */
  async restart(): Promise<void> {
    await this.shutDown();
    await this.start();
  }

  /** SIGSTOP; returns when none of its threads goes on, which takes a while where all processors are busy. */
  pause(): void {
    this.#process?.signal('SIGSTOP');
    const until = performance.now() + PAUSE_MS;
    while (this.#process !== undefined && isGoingOn(this.#process.pid) && performance.now() < until)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }

  /** SIGCONT. */
  resume(): void {
    this.#process?.signal('SIGCONT');
  }
}

/** Whether a thread of the process is not stopped yet; false where the system does not tell. */
function isGoingOn(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return false;
  try {
    return readdirSync(tasks).some((task) => !/\) [Tt] /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8')));
  } catch {
    // A thread has ended meanwhile.
    return true;
  }
}
