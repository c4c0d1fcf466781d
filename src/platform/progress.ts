import { SingleBar } from 'cli-progress';
import { type Clock, systemClock } from './clock.ts';

/** Progress of long steps, for a person. */
export interface Progress {
  /** Begins a step of `total` units (rows, events, epochs); undefined where nobody knows how many there will be. */
  start(label: string, total: number | undefined): ProgressStep;
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
const LINE_INTERVAL_MS = 5000;
const LINE_SHARE = 0.1;
const SHORTEST_LINE_INTERVAL_MS = 1000;
const BAR_INTERVAL_MS = 100;

const SILENT_STEP: ProgressStep = { advance: () => {}, update: () => {}, done: () => {} };

/** Where steps are drawn. */
export type DrawnProgress = Progress & {
  /** Ends the step that is being drawn; nothing is drawn from now on. */
  hush(): void;
};

export function createProgress({
  style,
  stream = process.stderr,
  clock = systemClock,
}: ProgressOptions): DrawnProgress {
  let isSilent = style === 'silent';
  let last: ProgressStep = SILENT_STEP;
  return {
    start(label, total) {
      if (isSilent) return SILENT_STEP;
      const isBar = style === 'bar' && total !== undefined;
      const drawing = isBar ? barOf(label, total, stream) : linesOf(label, total, stream);
      last = drawnStep(total, clock, drawing);
      return last;
    },
    hush() {
      isSilent = true;
      last.done();
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

type Drawing = {
  draw(position: number, state: string): void;
  /** Whether to draw again after this time, and after this share of the whole. */
  isDue(sinceMs: number, share: number): boolean;
  end(): void;
};

function drawnStep(total: number | undefined, clock: Clock, { draw, isDue, end }: Drawing): ProgressStep {
  const started = clock.monotonic();
  let position = 0;
  let text = '';
  let drawnAt = started;
  let drawnShare = 0;
  let isOver = false;
  const shareOf = () => (total === undefined ? 0 : total > 0 ? position / total : 1);
  const redraw = () => {
    drawnAt = clock.monotonic();
    drawnShare = shareOf();
    draw(position, describe(position, total, drawnAt - started, text));
  };
  const update = (done: number, note = text) => {
    position = done;
    text = note;
    if (!isOver && isDue(clock.monotonic() - drawnAt, shareOf() - drawnShare)) redraw();
  };
  return {
    advance: (units) => update(position + units),
    update,
    done: (note = text) => {
      if (isOver) return;
      isOver = true;
      text = note;
      redraw();
      end();
    },
  };
}

/** The bar redraws on a timer, which must not keep a process alive whose step was given up by an error. */
class UnheldBar extends SingleBar {
  declare timer: NodeJS.Timeout | null;

  override render(): void {
    super.render();
    this.timer?.unref();
  }
}

function barOf(label: string, total: number, stream: NodeJS.WriteStream): Drawing {
  const format = `${label.padEnd(22)} [{bar}] {percentage}%  {state}`;
  const bar = new UnheldBar({ stream, format, barsize: 20 });
  bar.start(total, 0, { state: describe(0, total, 0, '') });
  return {
    draw: (position, state) => bar.update(Math.min(position, total), { state }),
    isDue: (sinceMs) => sinceMs >= BAR_INTERVAL_MS,
    end: () => bar.stop(),
  };
}

function linesOf(label: string, total: number | undefined, stream: NodeJS.WriteStream): Drawing {
  return {
    draw: (position, state) => {
      if (total === undefined) {
        stream.write(`${label}: ${state}\n`);
        return;
      }
      const percent = total > 0 ? Math.min(100, Math.floor((100 * position) / total)) : 100;
      stream.write(`${label}: ${percent}%  ${state}\n`);
    },
    isDue: (sinceMs, share) =>
      sinceMs >= (share >= LINE_SHARE ? SHORTEST_LINE_INTERVAL_MS : LINE_INTERVAL_MS),
    end: () => {},
  };
}

function describe(position: number, total: number | undefined, elapsedMs: number, note: string): string {
  const perSecond = elapsedMs > 0 ? (1000 * position) / elapsedMs : 0;
  const parts = [
    total === undefined ? group(position) : `${group(position)}/${group(total)}`,
    `${group(perSecond)}/s`,
  ];
  if (total === undefined) parts.push(`${(elapsedMs / 1000).toFixed(1)} s`);
  else if (position < total && perSecond > 0)
    parts.push(`${Math.ceil((total - position) / perSecond)} s left`);
  else if (position >= total) parts.push(`${(elapsedMs / 1000).toFixed(1)} s`);
  if (note !== '') parts.push(note);
  return parts.join('  ');
}

function group(value: number): string {
  const digits = value >= 100 || Number.isInteger(value) ? 0 : 1;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}
