/** Runs the command line as a user does: a process of its own, in a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from '#platform/testing';

const main = join(import.meta.dirname, '../main.ts');
const printing = join(import.meta.dirname, 'printing-process.ts');

/** However slow the machine is, ms. */
const ENDS_WITHIN_MS = 60_000;

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
  /** A command that only says something, in a process that all of these share: most of what one takes is its start. */
  print(args: readonly string[]): Promise<Printed>;
  /** Several of these, one after another. */
  runEach(commands: readonly (readonly string[])[]): Promise<readonly Printed[]>;
};

export type Printed = Pick<Ended, 'code' | 'out' | 'err'>;

/** A world that is made, processed and trained in seconds; its versions pass the gate whatever they are worth. */
export const smallWorld = {
  http: { port: 0 },
  simulation: { world: 'on', users: 60, items: 60, days: 5, events: 3000, liveEventsPerSecond: 0 },
  // A ranker is a second training behind the first: the test of it asks for one.
  training: { epochs: 1, dimension: 8, rankers: [], similar: [] },
  gate: { minimumLift: 0 },
  versions: { gates: {}, production: 'any' },
  privacy: { userIds: 'as-given' },
};

/** However slow the machine is, an answer is made of everything. */
const unhurried = { recommend: { deadlineMs: 30_000 } };

/** A working directory with the configuration; data goes to `.millrace` in it. */
export function commandLine(t: TestContext, configuration: object = smallWorld): CommandLine {
  const running = new Set<ChildProcess>();
  let printer: PrintingProcess | undefined;
  t.after(async () => {
    await printer?.end();
    const ended = [...running].map((child) => new Promise((resolve) => child.once('close', resolve)));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(ended);
  });
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'millrace.config.json'), JSON.stringify({ ...unhurried, ...configuration }));
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
  const print: CommandLine['print'] = (args) => {
    printer ??= printingProcess(directory, running);
    return printer.print(args);
  };
  const runEach: CommandLine['runEach'] = async (commands) => {
    const printed: Printed[] = [];
    for (const args of commands) printed.push(await print(args));
    return printed;
  };
  return { directory, begin, run, print, runEach };
}

type PrintingProcess = {
  print(args: readonly string[]): Promise<Printed>;
  /** Rejects when a command has left something at work, for which its own process would not have ended. */
  end(): Promise<void>;
};

/** Runs one command after another in a process of its own, which is added to those that end with the test. */
function printingProcess(directory: string, running: Set<ChildProcess>): PrintingProcess {
  const child = spawn(process.execPath, [printing], {
    cwd: directory,
    env: ownEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  running.add(child);
  let [err, hasEnded] = ['', false];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.once('exit', () => {
    running.delete(child);
    hasEnded = true;
  });
  let last: Promise<unknown> = Promise.resolve();
  const ask = (args: readonly string[]) =>
    new Promise<Printed>((resolve, reject) => {
      const fail = () => reject(new Error(`millrace ${args.join(' ')} ended its process: ${err}`));
      if (hasEnded) return fail();
      child.once('exit', fail).once('message', (printed) => {
        child.off('exit', fail);
        resolve(printed as Printed);
      });
      child.send(args);
    });
  const print: PrintingProcess['print'] = (args) => {
    const printed = last.then(() => ask(args));
    last = printed.catch(() => {});
    return printed;
  };
  const end = async () => {
    if (hasEnded || !child.connected) return;
    const ended = new Promise<void>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error('a command has left something at work')),
        ENDS_WITHIN_MS,
      );
      child.once('exit', () => {
        clearTimeout(late);
        resolve();
      });
    });
    child.disconnect();
    await ended;
  };
  return { print, end };
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
