import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerProcess } from './server-process.ts';

// Each line that it reads is the processes that there are. The end of its input is the end of this process.
const WATCHDOG = `
trap '' INT TERM HUP
while read -r line; do found=$line; done
[ -z "$found" ] || kill -9 $found
tries=0
until rm -rf "$1" || [ $((tries += 1)) -gt 50 ]; do sleep 0.1; done
`;

/**
 * A temporary directory and the server processes that live in it. Both are gone when this process is, however it ends:
 * a shell in a session of its own waits for that, kills the processes and removes the directory. Nothing here keeps
 * this process from ending by itself.
 */
export class ServerDirectory {
  readonly path: string;
  readonly #processes = new Set<ServerProcess>();
  readonly #watchdog: ChildProcess;

  constructor(name: string) {
    this.path = mkdtempSync(join(tmpdir(), `millrace-${name}-`));
    const stdio = ['pipe', 'ignore', 'ignore'] as const;
    this.#watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', this.path], {
      stdio: [...stdio],
      detached: true,
    });
    this.#watchdog.unref();
    this.#input.unref();
    this.#input.on('error', () => {});
  }

  get #input(): Socket {
    return this.#watchdog.stdin as Socket;
  }

  /** Starts a program in the directory; what it prints is added to the file `log` there. */
  start(
    program: string,
    args: readonly string[],
    { log, environment = {} }: { log: string; environment?: Readonly<Record<string, string>> },
  ): ServerProcess {
    const started = new ServerProcess(program, args, {
      directory: this.path,
      log: join(this.path, log),
      environment,
      onExit: () => {
        this.#processes.delete(started);
        this.#tellWatchdog();
      },
    });
    this.#processes.add(started);
    this.#tellWatchdog();
    return started;
  }

  #tellWatchdog(): void {
    const running = [...this.#processes].filter(({ isRunning }) => isRunning);
    this.#input.write(`${running.map(({ pid }) => pid).join(' ')}\n`);
  }

  /** Kills what runs in the directory and removes it. */
  async remove(): Promise<void> {
    await Promise.all(Array.from(this.#processes, (each) => each.end('SIGKILL')));
    await rm(this.path, { recursive: true, force: true, maxRetries: 5 });
    this.#watchdog.ref();
    const ended = new Promise((resolve) => this.#watchdog.once('exit', resolve));
    this.#input.end();
    if (this.#watchdog.exitCode === null && this.#watchdog.signalCode === null) await ended;
  }
}
