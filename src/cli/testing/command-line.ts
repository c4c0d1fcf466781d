/** Runs the command line as a user does: a process of its own, in a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from '#platform/testing';

const main = join(import.meta.dirname, '../main.ts');
const each = join(import.meta.dirname, 'run-each.ts');

export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
};

export type Running = {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Resolves with the match once standard output or standard error has it; rejects when the process ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): Promise<Ended>;
  /** Reads no more of standard output, as `head` does. */
  stopReading(): void;
};

export type CommandLine = {
  readonly directory: string;
  begin(args: readonly string[], environment?: Readonly<Record<string, string>>): Running;
  /** `stdin`: a file that it reads there. */
  run(
    args: readonly string[],
    environment?: Readonly<Record<string, string>>,
    input?: { readonly stdin?: string },
  ): Promise<Ended>;
  /** Commands that only say something, one after another in one process. */
  runEach(commands: readonly (readonly string[])[]): Promise<readonly Printed[]>;
};

export type Printed = Pick<Ended, 'code' | 'out' | 'err'>;

/** A world that is made, processed and trained in seconds; its versions pass the gate whatever they are worth. */
export const smallWorld = {
  http: { port: 0 },
  simulation: { world: 'on', users: 60, items: 60, days: 5, events: 3000, liveEventsPerSecond: 0 },
  // A ranker is a second training behind the first: the test of it asks for one.
  training: { epochs: 1, dimension: 8, rankers: [] },
  gate: { minimumLift: 0 },
  versions: { gates: {}, production: 'any' },
  privacy: { userIds: 'as-given' },
};

/** A working directory with the configuration; data goes to `.millrace` in it. */
export function commandLine(t: TestContext, configuration: object = smallWorld): CommandLine {
  const running = new Set<ChildProcess>();
  t.after(async () => {
    const ended = [...running].map((child) => new Promise((resolve) => child.once('close', resolve)));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(ended);
  });
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'millrace.config.json'), JSON.stringify(configuration));
  const launch = (script: string, args: readonly string[], environment = {}, stdin?: string): Running => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: directory,
      env: { ...ownEnvironment(), ...environment },
    });
    if (stdin !== undefined) pipeInto(child, stdin);
    running.add(child);
    child.once('close', () => running.delete(child));
    return observe(child);
  };
  const begin: CommandLine['begin'] = (args, environment) => launch(main, args, environment);
  const run: CommandLine['run'] = (args, environment, { stdin } = {}) =>
    launch(main, args, environment, stdin).ended;
  const runEach: CommandLine['runEach'] = async (commands) => {
    const { code, out, err } = await launch(each, [JSON.stringify(commands)]).ended;
    if (code !== 0) throw new Error(err);
    return JSON.parse(out) as Printed[];
  };
  return { directory, begin, run, runEach };
}

/** A process that ends early leaves some of it unread. */
function pipeInto({ stdin }: ChildProcess, path: string): void {
  stdin?.on('error', () => {});
  if (stdin !== null) createReadStream(path).pipe(stdin);
}

/** Without options of whoever runs the tests. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const isOption = /^(MILLRACE_(?!HTTP_CHECKED$)|NODE_(?!COMPILE_CACHE$))/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOption.test(name)));
}

function observe(child: ChildProcess): Running {
  const read = { out: '', err: '' };
  const listeners = new Set<() => void>();
  let closed: Ended | undefined;
  const notify = () => {
    for (const listener of listeners) listener();
  };
  for (const [name, stream] of [
    ['out', child.stdout],
    ['err', child.stderr],
  ] as const) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      read[name] += text;
      notify();
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => {
      closed = { code, signal, ...read };
      resolve(closed);
      notify();
    });
  });
  const until = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(read.out) ?? pattern.exec(read.err);
        if (match === null && closed === undefined) return;
        listeners.delete(look);
        if (match !== null) resolve(match);
        else reject(new Error(`ended without ${pattern}: ${JSON.stringify(closed)}`));
      };
      listeners.add(look);
      look();
    });
  return {
    pid: child.pid ?? 0,
    ended,
    until,
    signal: (signal) => {
      child.kill(signal);
      return ended;
    },
    stopReading: () => child.stdout?.destroy(),
  };
}

/** The JSON lines of an output. */
export function jsonLines<T = Record<string, unknown>>(text: string): T[] {
  return text
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
