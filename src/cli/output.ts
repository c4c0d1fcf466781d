/** What a command prints: lines for a person or JSON on standard output, and progress beside them. */
import { createProgress, type DrawnProgress, progressStyle, RetryableError } from '#platform';

/**
 * Aborted when the reader of standard output has gone (`| head`), or a file cannot take more: what follows would reach nobody.
 */
const closed = new AbortController();

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && !closed.signal.aborted) failUnwritten(error);
  closed.abort();
});

/** What is not printed fails the command, which ends as usual: a server goes on without. */
function failUnwritten(cause: Error): void {
  const error = new RetryableError('MR_OUTPUT', `Standard output cannot be written: ${cause.message}.`, {
    hint: 'Direct it to where there is room.',
    cause,
  });
  process.once('exit', () => {
    process.exitCode ||= 1;
  });
  void import('./failure.ts').then(({ reportFailure }) => {
    reportFailure(error, { json: process.argv.includes('--json'), debug: false });
  });
}

/** A column's title. */
export type Column = string | { readonly right: string };

/** A column that is aligned to the right. */
export const right = (title: string): Column => ({ right: title });

export class Output {
  readonly json: boolean;

  constructor({ json }: { readonly json: boolean }) {
    this.json = json;
  }

  get closed(): AbortSignal {
    return closed.signal;
  }

  /** One line; nothing once the reader has gone. */
  line(text = ''): void {
    if (!closed.signal.aborted) process.stdout.write(`${text}\n`);
  }

  value(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  /** Rows as JSON, a line each, or as a table. */
  list<T>(
    rows: readonly T[],
    columns: readonly Column[],
    cellsOf: (row: T) => readonly string[],
    jsonOf: (row: T) => unknown = (row) => row,
  ): void {
    if (this.json) for (const row of rows) this.value(jsonOf(row));
    else this.table(columns, rows.map(cellsOf));
  }

  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    for (const line of tableLines(columns, rows)) this.line(line);
  }
}

/** A table as lines, titles first. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const titles = columns.map((column) => (typeof column === 'string' ? column : column.right));
  const widths = titles.map((title, c) =>
    rows.reduce((most, row) => Math.max(most, row[c]?.length ?? 0), title.length),
  );
  return [titles, ...rows].map((row) => {
    const cells = widths.map((width, c) => {
      const cell = row[c] ?? '';
      return typeof columns[c] === 'string' ? cell.padEnd(width) : cell.padStart(width);
    });
    return cells.join('  ').trimEnd();
  });
}

/** The progress bars of a command; an interruption ends the one that is being drawn, so that nothing runs into it. */
export function commandProgress({ json }: Output, signal: AbortSignal): DrawnProgress {
  const progress = createProgress({ style: progressStyle(json) });
  signal.addEventListener('abort', () => progress.hush(), { once: true });
  return progress;
}

/** Something to say to the person beside the result: on standard error, and not with --json. */
export function notice(output: Output, text: string): void {
  if (!output.json) process.stderr.write(`${text}\n`);
}

/** A time in ms, UTC. */
export function moment(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** A feature's value in at most `width` characters. */
export function shown(value: unknown, width: number): string {
  const text = typeof value === 'number' ? String(Math.round(value * 1e4) / 1e4) : JSON.stringify(value);
  return text.length > width ? `${text.slice(0, width - 3)}...` : text;
}

/** A metric's value. */
export function figure(value: number | null | undefined): string {
  return value == null ? '-' : value.toFixed(4);
}

export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** About how long, in the largest unit of which there are two; "-" if nobody knows. */
export function duration(ms: number | null): string {
  if (ms === null) return '-';
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
  ] as const;
  for (const [unit, unitMs] of units) if (ms >= 2 * unitMs) return `${Math.floor(ms / unitMs)} ${unit}`;
  return seconds(ms);
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
