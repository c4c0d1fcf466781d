/** Frames that follow each other: redrawn in place on a terminal, printed one after another elsewhere. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { Output } from '../output.ts';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const REST_OF_LINE = '\x1b[K';
const REST_OF_SCREEN = '\x1b[J';
/** As raw mode hands over Ctrl-C. */
const INTERRUPT = '\x03';

export type FrameOptions = {
  readonly output: Output;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  readonly once: boolean;
  /** The lines that fit, and the same as JSON. */
  readonly frame: (
    size: FrameSize,
  ) => Promise<{ readonly lines: readonly string[]; readonly json: readonly unknown[] }>;
};

/** Infinite where nobody looks at a screen. */
export type FrameSize = { readonly columns: number; readonly rows: number };

/** Draws until `signal` aborts, q or Ctrl-C is pressed, or the reader of standard output has gone. */
export async function drawFrames({ output, intervalMs, signal, once, frame }: FrameOptions): Promise<void> {
  if (once || output.json || process.stdout.isTTY !== true) {
    await printFrames({ output, intervalMs, signal, once, frame });
    return;
  }
  const quitting = new AbortController();
  const restore = takeTerminal(quitting);
  try {
    const ended = AbortSignal.any([signal, output.closed, quitting.signal]);
    while (!ended.aborted) {
      const { columns = 80, rows = 24 } = process.stdout;
      const { lines } = await frame({ columns, rows });
      const shown = lines.slice(0, rows).map((line) => line.slice(0, columns) + REST_OF_LINE);
      process.stdout.write(HOME + shown.join('\r\n') + REST_OF_SCREEN);
      await pause(intervalMs, ended);
    }
  } finally {
    restore();
  }
}

async function printFrames({ output, intervalMs, signal, once, frame }: FrameOptions): Promise<void> {
  const ended = AbortSignal.any([signal, output.closed]);
  for (let first = true; !ended.aborted; first = false) {
    const { lines, json } = await frame({
      columns: Number.POSITIVE_INFINITY,
      rows: Number.POSITIVE_INFINITY,
    });
    if (output.json) for (const each of json) output.value(each);
    else {
      if (!first) output.line();
      for (const line of lines) output.line(line.trimEnd());
    }
    if (once) return;
    await pause(intervalMs, ended);
  }
}

/** Returns a function that restores the terminal. */
function takeTerminal(quitting: AbortController): () => void {
  const { stdin, stdout } = process;
  const onKey = (key: Buffer) => {
    const text = key.toString();
    if (text === 'q' || text === 'Q' || text.includes(INTERRUPT)) quitting.abort();
  };
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on('data', onKey).resume();
  }
  stdout.write(ENTER);
  return () => {
    stdout.write(LEAVE);
    if (!stdin.isTTY) return;
    stdin.off('data', onKey).pause();
    stdin.setRawMode(false);
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

/** A parser of seconds from 0.1 to an hour; returns ms. */
export function intervalMs(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 0.1 && seconds <= 3_600)) throw new InvalidArgumentError('Use seconds from 0.1 to 3600.');
  return seconds * 1_000;
}
