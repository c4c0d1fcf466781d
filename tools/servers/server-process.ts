import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_WITHIN_MS = 120_000;
const ORDERLY_END_WITHIN_MS = 20_000;
const POLL_MS = 25;

type Surroundings = {
  readonly directory: string;
  /** File to which the output is added. */
  readonly log: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly onExit: () => void;
};

/** One run of a server's program. It does not keep this process from ending. */
export class ServerProcess {
  readonly pid: number;
  readonly #program: string;
  readonly #log: string;
  readonly #logStart: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(
    program: string,
    args: readonly string[],
    { directory, log, environment, onExit }: Surroundings,
  ) {
    const output = openSync(log, 'a');
    this.#program = program;
    this.#log = log;
    this.#logStart = fstatSync(output).size;
    // In a session of its own: a Ctrl-C meant for this process does not reach it.
    this.#child = spawn(program, [...args], {
      cwd: directory,
      env: { ...process.env, ...environment },
      stdio: ['ignore', output, output],
      detached: true,
    });
    closeSync(output);
    this.#ended = new Promise((resolve) => {
      const ended = () => {
        onExit();
        resolve();
      };
      this.#child.once('exit', ended);
      this.#child.once('error', ended);
    });
    this.#child.unref();
    this.pid = this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.pid > 0 && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Null while it runs, and where a signal has ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** What this run has printed. */
  output(): string {
    const file = openSync(this.#log, 'r');
    try {
      const printed = Buffer.alloc(fstatSync(file).size - this.#logStart);
      return printed.toString('utf8', 0, readSync(file, printed, 0, printed.length, this.#logStart));
    } finally {
      closeSync(file);
    }
  }

  /** Waits until `isReady` holds. Rejects with the end of the log when the program ends before that, or takes too long. */
  async ready(isReady: (output: string) => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + READY_WITHIN_MS;
    while (!(await isReady(this.output()))) {
      if (!this.isRunning) throw this.#failure('ended');
      if (performance.now() > deadline) {
        await this.end('SIGKILL');
        throw this.#failure(`was not ready after ${READY_WITHIN_MS / 1000} s`);
      }
      await sleep(POLL_MS);
    }
  }

  #failure(what: string): Error {
    const lines = this.output().trim().split('\n').slice(-30).join('\n');
    return new Error(`${this.#program} ${what}; the end of ${this.#log}:\n${lines}`);
  }

  /** Sends the signal and waits until the process is gone; one that is not by then is killed. */
  async end(signal: 'SIGTERM' | 'SIGKILL', withinMs: number = ORDERLY_END_WITHIN_MS): Promise<void> {
    this.signal(signal);
    // A stopped process takes SIGTERM only when it goes on.
    this.signal('SIGCONT');
    this.#child.ref();
    const patience = setTimeout(() => this.signal('SIGKILL'), withinMs);
    await this.#ended;
    clearTimeout(patience);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal);
  }
}
