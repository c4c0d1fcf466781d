/** What the tests here look at from outside: processes, and programs that start servers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

/** The state letter of a process as Linux shows it (T: stopped), undefined when it is gone; a zombie counts as gone. */
export async function stateOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const state = /\) (\w)/.exec(stat)?.[1];
  return state === 'Z' ? undefined : state;
}

/** Waits until the process is stopped, which its threads are one after the other. */
export async function isStopped(pid: number): Promise<void> {
  while ((await stateOf(pid)) !== 'T') await sleep(10);
}

/** Waits until neither the processes nor the paths are there; the test's time limit ends the wait. */
export async function allGone(pids: readonly number[], paths: readonly string[]): Promise<void> {
  while (paths.some((path) => existsSync(path)) || (await Promise.all(pids.map(stateOf))).some(Boolean)) {
    await sleep(50);
  }
}

/** Runs a program of this folder's modules in a process of its own, which goes with the test. */
export function startModule(
  t: TestContext,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): { child: ChildProcess; line: Promise<string>; output: () => string; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [...args], {
    cwd: import.meta.dirname,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let out = '';
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const line = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (data) => {
      text += data;
      out += data;
      if (out.includes('\n')) resolve(out.split('\n', 1)[0] ?? '');
    });
    child.stderr.on('data', (data) => {
      text += data;
    });
    void ended.then(() => reject(new Error(`ended without a line: ${text}`)));
  });
  line.catch(() => {});
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, line, output: () => text, ended };
}
