/** A test file in a process of its own, with a folder for its temporary files; nothing of it is left afterwards. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testSeed } from '#platform/testing';
import { nodeArguments } from '../test/run-process.ts';

const MARK = 'MILLRACE_MUTATION_RUN';

export type TestRun = {
  readonly outcome: 'passed' | 'failed' | 'timed out' | 'interrupted';
  readonly ms: number;
};

export type TestOptions = {
  readonly root: string;
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Module to load before anything else, as a URL. */
  readonly preload?: string;
};

export async function runTest(path: string, options: TestOptions): Promise<TestRun> {
  const { root, limitMs, signal, environment, preload } = options;
  if (signal.aborted) return { outcome: 'interrupted', ms: 0 };
  const directory = mkdtempSync(join(tmpdir(), 'mm-'));
  const run = randomUUID();
  const NODE_OPTIONS = [process.env.NODE_OPTIONS, preload && `--import=${preload}`].filter(Boolean).join(' ');
  const start = performance.now();
  // In a group of its own, so that all of it can be killed.
  const child = spawn(process.execPath, [...nodeArguments(testSeed), join(root, path)], {
    cwd: root,
    env: { ...process.env, ...environment, NODE_OPTIONS, TMPDIR: directory, [MARK]: run },
    stdio: 'ignore',
    detached: true,
  });
  const { promise, resolve } = Promise.withResolvers<TestRun['outcome']>();
  const limit = setTimeout(() => resolve('timed out'), limitMs);
  const interrupt = () => resolve('interrupted');
  signal.addEventListener('abort', interrupt);
  child.once('error', () => resolve('failed'));
  child.once('exit', (code) => resolve(code === 0 ? 'passed' : 'failed'));
  try {
    return { outcome: await promise, ms: performance.now() - start };
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', interrupt);
    if (child.pid !== undefined) killGroup(child.pid);
    killMarked(run);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** Servers of tests have sessions of their own, but inherit the mark. */
function killMarked(run: string): void {
  if (process.platform !== 'linux') return;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${MARK}=${run}`))
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended, or is another user's.
    }
  }
}
