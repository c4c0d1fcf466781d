import { SingleBar } from 'cli-progress';
import { type Clock, systemClock } from './clock.ts';

/** Progress of long steps, for a person. */
export interface Progress {
  /** Begins a step of `total` units (rows, events, epochs). */
  start(label: string, total: number): ProgressStep;
}

export interface ProgressStep {
  advance(units: number): void;
  /** Sets the units done so far; `note` (a loss, a file name) stands at the end of the line. */
  update(done: number, note?: string): void;
  /** Ends the step; its last line stays. */
  done(note?: string): void;
}

export type ProgressOptions = {
  /** 'bar' redraws one line, 'lines' prints one now and then, 'silent' prints nothing (`--json`). */
  readonly style: 'bar' | 'lines' | 'silent';
  readonly stream?: NodeJS.WriteStream;
  readonly clock?: Clock;
};

/** A line is due after this time, or after this share of the work when the last line is not just printed. */
const lineIntervalMs = 5000;
const lineShare = 0.1;
const shortestLineIntervalMs = 1000;
const barIntervalMs = 100;

export function createProgress({
  style,
  stream = process.stderr,
  clock = systemClock,
}: ProgressOptions): Progress {
  return {
    start(label, total) {
      if (style === 'silent') return silentStep;
      return style === 'bar' ? barStep(label, total, stream, clock) : lineStep(label, total, stream, clock);
    },
  };
}

/** The style that fits: none with --json, a bar on a terminal, lines in a file. */
export function progressStyle(
  json: boolean,
  stream: NodeJS.WriteStream = process.stderr,
): ProgressOptions['style'] {
  if (json) return 'silent';
  return stream.isTTY ? 'bar' : 'lines';
}

const silentStep: ProgressStep = { advance: () => {}, update: () => {}, done: () => {} };

/** The bar redraws on a timer, which must not keep a process alive whose step was given up by an error. */
class UnheldBar extends SingleBar {
  declare timer: NodeJS.Timeout | null;

  override render(): void {
    super.render();
    this.timer?.unref();
  }
}

function barStep(label: string, total: number, stream: NodeJS.WriteStream, clock: Clock): ProgressStep {
  const started = clock.monotonic();
  let position = 0;
  let drawnAt = started;
  let text = '';
  const state = () => describe(position, total, clock.monotonic() - started, text);
  const bar = new UnheldBar({
    stream,
    format: `${label.padEnd(22)} [{bar}] {percentage}%  {state}`,
    barsize: 20,
  });
  bar.start(total, 0, { state: state() });

  const draw = () => {
    drawnAt = clock.monotonic();
    bar.update(Math.min(position, total), { state: state() });
  };
  const update = (done: number, note?: string) => {
    position = done;
    if (note !== undefined) text = note;
    if (clock.monotonic() - drawnAt >= barIntervalMs) draw();
  };
  return {
    advance: (units) => update(position + units),
    update,
    done: (note) => {
      if (note !== undefined) text = note;
      draw();
      bar.stop();
    },
  };
}

function lineStep(label: string, total: number, stream: NodeJS.WriteStream, clock: Clock): ProgressStep {
  const started = clock.monotonic();
  let position = 0;
  let printedAt = started;
  let printedShare = 0;
  let text = '';
  const print = () => {
    const percent = total > 0 ? Math.min(100, Math.floor((100 * position) / total)) : 100;
    const state = describe(position, total, clock.monotonic() - started, text);
    stream.write(`${label}: ${percent}%  ${state}\n`);
  };
  const update = (done: number, note?: string) => {
    position = done;
    if (note !== undefined) text = note;
    const share = total > 0 ? position / total : 1;
    const sinceMs = clock.monotonic() - printedAt;
    const due = share - printedShare >= lineShare ? shortestLineIntervalMs : lineIntervalMs;
    if (sinceMs < due) return;
    printedAt += sinceMs;
    printedShare = share;
    print();
  };
  return {
    advance: (units) => update(position + units),
    update,
    done: (note) => {
      if (note !== undefined) text = note;
      print();
    },
  };
}

function describe(position: number, total: number, elapsedMs: number, note: string): string {
  const perSecond = elapsedMs > 0 ? (1000 * position) / elapsedMs : 0;
  const parts = [`${group(position)}/${group(total)}`, `${group(perSecond)}/s`];
  if (position < total && perSecond > 0) parts.push(`${Math.ceil((total - position) / perSecond)} s left`);
  else if (position >= total) parts.push(`${(elapsedMs / 1000).toFixed(1)} s`);
  if (note !== '') parts.push(note);
  return parts.join('  ');
}

function group(value: number): string {
  const digits = value >= 100 || Number.isInteger(value) ? 0 : 1;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}
