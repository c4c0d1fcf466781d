/** Processes that run the counting topology, as a test starts, stops and kills them. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { eventually } from '#platform/testing';
import type { SumsProcessData } from '../fixtures/sums-process.ts';

export type SumsProcessOptions = Omit<SumsProcessData, 'threads'> & {
  /** 2 by default. */
  readonly threads?: number;
  readonly failpoints?: string;
  /** What starts it: a command that takes another behind its own arguments. */
  readonly through?: readonly string[];
};

type Status = readonly { readonly tasks: readonly { readonly name: string; readonly state: string }[] }[];

export class SumsProcess {
  /** Its address once it runs; rejects when it has ended before. */
  readonly url: Promise<string>;
  readonly exit: Promise<readonly [code: unknown, signal: unknown]>;
  readonly #child: ChildProcess;
  readonly #instanceId: string;

  constructor(t: TestContext, { failpoints = '', through = [], ...options }: SumsProcessOptions) {
    const { directory, instanceId } = options;
    const data: SumsProcessData = { threads: 2, ...options };
    const script = join(import.meta.dirname, '..', 'fixtures', 'sums-process.ts');
    const [command = '', ...args] = [...through, process.execPath, script, JSON.stringify(data)];
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      // Half of the time that a process takes to start is the compiler's.
      env: {
        ...process.env,
        MILLRACE_FAILPOINTS: failpoints,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(directory, 'compiled'),
      },
    });
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

  /** How many of its tasks run. */
  async runningTasks(): Promise<number> {
    const response = await fetch(`${await this.url}/tasks`);
    const status = (await response.json()) as Status;
    return status.flatMap(({ tasks }) => tasks).filter(({ state }) => state === 'running').length;
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

/** As `eventually`, as long as `processes` run; what fails is asked again. */
export async function until(
  processes: readonly SumsProcess[],
  isTrue: () => Promise<boolean> | boolean,
): Promise<void> {
  const isTrueNow = async () => await isTrue();
  await eventually(String(isTrue), async () => {
    if (await isTrueNow().catch(() => false)) return true;
    for (const each of processes) each.assertRuns();
    return false;
  });
}
