/** One frame of "millrace top": what two looks at a process tell. */
import { duration, grouped, right, tableLines } from '../output.ts';
import type { FrameSize } from './frames.ts';

type Task = {
  readonly name: string;
  readonly state: string;
  readonly inputs: readonly { readonly lag: number | null }[];
  readonly watermark: number | null;
  readonly operators: readonly { readonly in: number }[];
};

export type TasksAnswer = {
  readonly members: readonly {
    readonly memberId: string;
    readonly isRebalancing: boolean;
    readonly bufferedBytes: number;
    readonly commitMs: number | null;
    readonly tasks: readonly Task[];
  }[];
};

/** Samples by their names and labels, as the text has them. */
export type Samples = ReadonlyMap<string, number>;
export type Look = TasksAnswer & { readonly at: number; readonly metrics: Samples };

export type TopFrame = {
  readonly time: string;
  /** Processor time of the process since the look before, as a share of one core; null in the first frame. */
  readonly cpu: number | null;
  readonly memoryBytes: number;
  readonly bufferedBytes: number;
  readonly commits: {
    readonly count: number;
    readonly meanMs: number | null;
    readonly lastMs: number | null;
    /** Those above SLOW_MS. */
    readonly slow: number;
  };
  readonly rebalancing: number;
  /** Those with the largest lag first. */
  readonly tasks: readonly {
    readonly task: string;
    readonly state: string;
    readonly lag: number;
    readonly recordsPerSecond: number | null;
    readonly watermark: string | null;
    readonly behindMs: number | null;
  }[];
};

const SLOW_MS = 1_000;
const COMMITS = 'millrace_engine_commit_ms';

/** Prometheus' text format. */
export function metricsIn(text: string): Samples {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)/.exec(line) ?? [];
    if (name !== undefined) samples.set(name, Number(value));
  }
  return samples;
}

export function topOf({ at, members, metrics }: Look, before: Look | undefined): TopFrame {
  const since = (name: string) => (metrics.get(name) ?? 0) - (before?.metrics.get(name) ?? 0);
  const seconds = before === undefined ? undefined : Math.max(0.001, (at - before.at) / 1_000);
  const taken = new Map(
    before?.members.flatMap(({ tasks }) => tasks).map((task) => [task.name, recordsOf(task)]),
  );
  const count = since(`${COMMITS}_count`);
  const tasks = members
    .flatMap((member) => member.tasks)
    .map((task) => {
      const earlier = taken.get(task.name);
      return {
        task: task.name,
        state: task.state,
        lag: task.inputs.reduce((sum, { lag }) => sum + (lag ?? 0), 0),
        recordsPerSecond:
          seconds === undefined || earlier === undefined
            ? null
            : Math.max(0, recordsOf(task) - earlier) / seconds,
        watermark: task.watermark === null ? null : new Date(task.watermark).toISOString(),
        behindMs: task.watermark === null ? null : Math.max(0, at - task.watermark),
      };
    });
  const lastMs = members.flatMap(({ commitMs }) => commitMs ?? []);
  return {
    time: new Date(at).toISOString(),
    cpu: seconds === undefined ? null : since('millrace_process_cpu_seconds_total') / seconds,
    memoryBytes: metrics.get('millrace_process_resident_memory_bytes') ?? 0,
    bufferedBytes: members.reduce((sum, each) => sum + each.bufferedBytes, 0),
    commits: {
      count,
      meanMs: count === 0 ? null : since(`${COMMITS}_sum`) / count,
      lastMs: lastMs.length === 0 ? null : Math.max(...lastMs),
      slow: count - since(`${COMMITS}_bucket{le="${SLOW_MS}"}`),
    },
    rebalancing: members.filter(({ isRebalancing }) => isRebalancing).length,
    tasks: tasks.sort((a, b) => b.lag - a.lag || (a.task < b.task ? -1 : 1)),
  };
}

/** What a task's first operator took: later ones take what it hands on. */
const recordsOf = ({ operators: [first] }: Task) => first?.in ?? 0;

/** As many tasks as fit; the last line says how many do not. */
export function linesOf(url: string, frame: TopFrame, { rows }: Pick<FrameSize, 'rows'>): readonly string[] {
  const { cpu, memoryBytes, bufferedBytes, commits, tasks, rebalancing } = frame;
  const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`);
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  const lag = tasks.reduce((sum, each) => sum + each.lag, 0);
  const head = [
    `${url}  ${frame.time.slice(0, 19).replace('T', ' ')}`,
    `cpu ${cpu === null ? '-' : `${(100 * cpu).toFixed(0)}%`}  memory ${mb(memoryBytes)}  buffered ${mb(bufferedBytes)}  tasks ${tasks.length}  lag ${grouped(lag)}${rebalancing > 0 ? '  rebalancing' : ''}`,
    `commits ${grouped(commits.count)}  mean ${ms(commits.meanMs)}  last ${ms(commits.lastMs)}  slow ${grouped(commits.slow)}`,
    '',
  ];
  const table = tableLines(
    [right('lag'), right('rec/s'), right('behind'), 'state', 'task'],
    tasks.map(({ task, state, lag: behind, recordsPerSecond, behindMs }) => [
      grouped(behind),
      recordsPerSecond === null ? '-' : grouped(recordsPerSecond),
      duration(behindMs),
      state,
      task,
    ]),
  );
  const room = rows - head.length;
  if (table.length <= room) return [...head, ...table];
  const shown = Math.max(1, room - 1);
  return [...head, ...table.slice(0, shown), `... and ${table.length - shown} more`];
}
