import type { Gauge, Metrics } from '#platform';
import type { OperatorCounts } from '../../operators/operator-flow.ts';
import type { RestoreStatus } from '../restore/restore-progress.ts';
import { TASK_PHASES, type TaskPhase } from './lifecycle.ts';

export type InputStatus = {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to be processed. */
  readonly position: number;
  /** The stable end as of the last fetch; null before the first. */
  readonly end: number | null;
  /** Offsets between the two. */
  readonly lag: number | null;
};

/** Plain JSON. */
export type TaskStatus = {
  readonly name: string;
  readonly state: TaskPhase | 'standby';
  readonly inputs: readonly InputStatus[];
  /** Null before anything is known. */
  readonly watermark: number | null;
  /** Present until the task runs, and for a standby. */
  readonly restore?: RestoreStatus;
};

/** Plain JSON: what one member of the group is doing. */
export type RuntimeStatus = {
  readonly memberId: string;
  readonly isRebalancing: boolean;
  /** Fetched and not yet processed. */
  readonly bufferedBytes: number;
  /** Duration of the last commit; null before the first. */
  readonly commitMs: number | null;
  readonly tasks: readonly TaskStatus[];
};

/** Plain JSON: what one member of the group does, and what has become of the records in its tasks. */
export type EngineReport = Omit<RuntimeStatus, 'tasks'> & {
  readonly tasks: readonly (TaskStatus & { readonly operators: readonly OperatorCounts[] })[];
};

type Running = { readonly name: string; operators(): readonly OperatorCounts[] };

/** What a runtime is doing now. Plain JSON; it asks nobody and waits for nothing. */
export function reportOf(runtime: {
  status(): RuntimeStatus;
  readonly tasks: readonly Running[];
}): EngineReport {
  const { tasks, ...member } = runtime.status();
  const running = new Map(runtime.tasks.map((task) => [task.name, task]));
  return {
    ...member,
    tasks: tasks.map((task) => ({ ...task, operators: running.get(task.name)?.operators() ?? [] })),
  };
}

const STATES = [...TASK_PHASES.filter((phase) => phase !== 'closed'), 'standby'] as const;
const OF_TASKS = ['lag', 'watermark', 'remaining', 'eta'] as const;

/** The state of a member's tasks as gauges; a task that has gone takes its own with it. */
export class StatusGauges {
  readonly #gauges: ReturnType<typeof statusGauges>;
  #published: ReadonlySet<string> = new Set();

  constructor(metrics: Metrics) {
    this.#gauges = statusGauges(metrics);
  }

  /** To be called before the metrics are rendered. */
  publish({ tasks }: RuntimeStatus): void {
    for (const state of STATES) {
      this.#gauges.tasks.set({ state }, tasks.filter((task) => task.state === state).length);
    }
    const names = new Set(tasks.map(({ name }) => name));
    for (const task of this.#published) if (!names.has(task)) this.#remove(task);
    this.#published = names;
    for (const { name: task, inputs, watermark, restore } of tasks) {
      const lag = inputs.reduce((sum, input) => sum + (input.lag ?? 0), 0);
      this.#set('lag', task, inputs.length === 0 ? null : lag);
      this.#set('watermark', task, watermark);
      this.#set('remaining', task, restore === undefined ? null : restore.total - restore.restored);
      this.#set('eta', task, restore?.etaMs ?? null);
    }
  }

  #set(name: (typeof OF_TASKS)[number], task: string, value: number | null): void {
    if (value === null) this.#gauges[name].remove({ task });
    else this.#gauges[name].set({ task }, value);
  }

  #remove(task: string): void {
    for (const name of OF_TASKS) this.#gauges[name].remove({ task });
  }
}

/** Labels are bounded by the tasks of the topology. */
function statusGauges(metrics: Metrics) {
  const gauge = (name: string, help: string): Gauge<'task'> => metrics.gauge(name, help, ['task']);
  return {
    tasks: metrics.gauge('engine_tasks', 'Tasks that members hold, and copies of tasks, by state.', [
      'state',
    ]),
    lag: gauge('engine_task_lag_records', 'Offsets between what a task has taken and the end of its inputs.'),
    watermark: gauge('engine_task_watermark_ms', 'Event time up to which a task has seen everything, ms.'),
    remaining: gauge(
      'engine_restore_remaining_records',
      'Changelog offsets that a restore has still to pass.',
    ),
    eta: gauge('engine_restore_eta_ms', 'Time that a restore will still take at its rate so far, ms.'),
  };
}
