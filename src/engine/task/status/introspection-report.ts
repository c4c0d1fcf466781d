import type { Gauge, Metrics } from '#platform';
import type { OperatorCounts } from './introspection.ts';
import type { RuntimeStatus, TaskStatus } from './status.ts';

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

/** The state of a member's tasks as gauges; a task that has gone takes its own with it. */
export class StatusGauges {
  readonly #gauges: ReturnType<typeof statusGauges>;
  #published: ReadonlySet<string> = new Set();

  constructor(metrics: Metrics) {
    this.#gauges = statusGauges(metrics);
  }

  /** To be called before the metrics are rendered. */
  publish({ tasks }: RuntimeStatus): void {
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

  #set(name: keyof ReturnType<typeof statusGauges>, task: string, value: number | null): void {
    if (value === null) this.#gauges[name].remove({ task });
    else this.#gauges[name].set({ task }, value);
  }

  #remove(task: string): void {
    for (const gauge of Object.values(this.#gauges)) gauge.remove({ task });
  }
}

/** Labels are bounded by the tasks of the topology. */
function statusGauges(metrics: Metrics) {
  const gauge = (name: string, help: string): Gauge<'task'> => metrics.gauge(name, help, ['task']);
  return {
    lag: gauge('engine_task_lag_records', 'Offsets between what a task has taken and the end of its inputs.'),
    watermark: gauge(
      'engine_task_watermark_ms',
      'Watermark of a task: event time up to which it has seen everything, ms.',
    ),
    remaining: gauge('engine_restore_remaining_records', 'Changelog offsets that a restore has left.'),
    eta: gauge('engine_restore_eta_ms', 'Estimated time left for a restore, at its rate so far, ms.'),
  };
}
