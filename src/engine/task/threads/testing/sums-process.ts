/** Processes that run the counting topology, as a test starts, stops and kills them. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

export type SumsProcessOptions = {
  readonly directory: string;
  readonly instanceId: string;
  readonly standbys?: number;
  readonly threads?: number;
  readonly failpoints?: string;
};

export class SumsProcess {
  /** Its address once it runs; rejects when it has ended before. */
  readonly url: Promise<string>;
  readonly exit: Promise<readonly [code: unknown, signal: unknown]>;
  readonly #child: ChildProcess;
  readonly #instanceId: string;

  constructor(
    t: TestContext,
    { directory, instanceId, standbys = 0, threads = 2, failpoints = '' }: SumsProcessOptions,
  ) {
    const script = join(import.meta.dirname, '..', 'fixtures', 'sums-process.ts');
    const child = spawn(
      process.execPath,
      [script, directory, instanceId, String(standbys), String(threads)],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        // Half of the time that a process takes to start is the compiler's.
        env: {
          ...process.env,
          MILLRACE_FAILPOINTS: failpoints,
          NODE_COMPILE_CACHE: join(directory, 'compiled'),
        },
      },
    );
    this.#child = child;
    this.#instanceId = instanceId;
    t.after(() => child.kill('SIGKILL'));
    this.exit = once(child, 'exit').then(([code, signal]) => [code, signal] as const);
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const told = once(lines, 'line').then(([line]) => String(line).replace('running ', ''));
    const ended = this.exit.then(([code, signal]) => {
      throw new Error(`${instanceId} has ended: ${String(code ?? signal)}`);
    });
    this.url = Promise.race([told, ended]);
    this.url.catch(() => {});
    ended.catch(() => {});
  }

  static async running(t: TestContext, options: SumsProcessOptions): Promise<SumsProcess> {
    const started = new SumsProcess(t, options);
    await started.url;
    return started;
  }

  /** So that nobody waits for what it would do. */
  assertRuns(): void {
    const { exitCode, signalCode } = this.#child;
    assert.deepEqual([exitCode, signalCode], [null, null], `${this.#instanceId} has ended by itself`);
  }

  signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exit;
  }

  /** As a supervisor stops it. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    assert.deepEqual(await this.exit, [0, null]);
  }
}
