/** `millrace start` with a small world, in a directory of its own, as what is attacked. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const configuration = {
  http: { port: 0 },
  simulation: { world: 'on', users: 60, items: 60, days: 5, events: 3000, liveEventsPerSecond: 0 },
  training: { epochs: 1, dimension: 8, schedule: 'off', refresh: 'off' },
  gate: { minimumLift: 0 },
  versions: { gates: {}, production: 'any' },
  privacy: { userIds: 'as-given' },
};

export type AttackedServer = {
  readonly port: number;
  readonly pid: number;
  /** What it has written to standard error. */
  readonly errors: () => string;
  /** Sends SIGTERM while `slow` connections have half a request each; resolves when the process has ended. */
  stop(slow: number): Promise<{ readonly code: number | null; readonly ms: number }>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
};

/** `environment`: variables beside those of this process. */
export async function startServer(
  environment: Readonly<Record<string, string>> = {},
): Promise<AttackedServer> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-fuzz-'));
  writeFileSync(join(directory, 'millrace.config.json'), JSON.stringify(configuration));
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  const child = spawn(process.execPath, [main, 'start', '--json'], {
    cwd: directory,
    env: { ...process.env, ...environment },
  });
  const ended = once(child, 'close');
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const remove = async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const url = await addressOf(child);
    const port = Number(new URL(url).port);
    const stop = async (slow: number) => {
      const sockets = await halfRequests(port, slow);
      const begun = performance.now();
      child.kill('SIGTERM');
      const [code] = (await ended) as [number | null];
      for (const socket of sockets) socket.destroy();
      return { code, ms: performance.now() - begun };
    };
    return { port, pid: child.pid ?? 0, errors: () => errors, stop, remove };
  } catch (error) {
    await remove();
    throw new Error(`the server has not come up: ${errors.slice(0, 1_000)}`, { cause: error });
  }
}

async function addressOf({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('it has no standard output');
  for await (const line of createInterface({ input: stdout })) {
    if (line.startsWith('{"url"')) return (JSON.parse(line) as { url: string }).url;
  }
  throw new Error('it has ended');
}

async function halfRequests(port: number, count: number): Promise<readonly Socket[]> {
  const halves = [
    '',
    'GET / HTTP/1.1\r\nHo',
    'POST /events HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{',
  ];
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      await once(socket, 'connect');
      socket.write(halves[n % halves.length] as string);
      return socket;
    }),
  );
}
