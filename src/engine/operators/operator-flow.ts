import type { Counter, Metrics } from '#platform';
import type { Outlet } from '../topology/node.ts';

/** What has become of an operator's records since the task was opened. */
export type OperatorCounts = {
  readonly operator: string;
  /** Records that it took, and those that it handed on; each output counts once, however many nodes it feeds. */
  readonly in: number;
  readonly out: number;
  /** By reason; 'late' is one. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Sent to the dead letters, or skipped where the policy is that, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
};

type List = { readonly length: number };
/** How many records, by reason. */
type Reasons = Record<string, number>;
type Counted = {
  in: number;
  out: number;
  readonly published: { in: number; out: number; dropped: Reasons; rejected: Reasons };
  readonly inputs: List[];
  /** One list for each output: the input of its first downstream node. */
  readonly outputs: Map<string, List>;
  readonly dropped: Reasons;
  readonly rejected: Reasons;
};

/**
 * Counts what flows through the operators of one task, by the lengths of their lists: nothing is done for a single
 * record, except where it is dropped or rejected.
 */
export class OperatorFlow {
  readonly #operators = new Map<string, Counted>();
  readonly #metrics: ReturnType<typeof flowMetrics>;

  constructor(metrics: Metrics) {
    this.#metrics = flowMetrics(metrics);
  }

  /** `list` is what `operator` takes, from the outlet or, without one, from the task's batch. */
  connect(operator: string, list: List, from?: Outlet): void {
    this.#of(operator).inputs.push(list);
    if (from === undefined) return;
    const { outputs } = this.#of(from.node);
    if (!outputs.has(from.output)) outputs.set(from.output, list);
  }

  /** To be called when a batch has run through all operators, before the lists are emptied. */
  countBatch(): void {
    for (const counted of this.#operators.values()) {
      for (const list of counted.inputs) counted.in += list.length;
      for (const list of counted.outputs.values()) counted.out += list.length;
    }
  }

  drop(operator: string, reason: string): void {
    const { dropped } = this.#of(operator);
    dropped[reason] = (dropped[reason] ?? 0) + 1;
  }

  reject(operator: string, reason: string): void {
    const { rejected } = this.#of(operator);
    rejected[reason] = (rejected[reason] ?? 0) + 1;
  }

  /** Brings the metrics up to date behind a commit: what was not committed is done, and would be counted, again. */
  publish(): void {
    for (const [operator, counted] of this.#operators) {
      for (const direction of ['in', 'out'] as const) {
        const added = counted[direction] - counted.published[direction];
        if (added > 0) this.#metrics.records.inc({ operator, direction }, added);
        counted.published[direction] = counted[direction];
      }
      for (const outcome of ['dropped', 'rejected'] as const) {
        const published = counted.published[outcome];
        for (const [reason, count] of Object.entries(counted[outcome])) {
          const added = count - (published[reason] ?? 0);
          if (added > 0) this.#metrics[outcome].inc({ operator, reason }, added);
          published[reason] = count;
        }
      }
    }
  }

  counts(): OperatorCounts[] {
    return Array.from(this.#operators, ([operator, { in: taken, out, dropped, rejected }]) => {
      return { operator, in: taken, out, dropped: { ...dropped }, rejected: { ...rejected } };
    });
  }

  #of(operator: string): Counted {
    const known = this.#operators.get(operator) ?? {
      in: 0,
      out: 0,
      published: { in: 0, out: 0, dropped: {}, rejected: {} },
      inputs: [],
      outputs: new Map<string, List>(),
      dropped: {},
      rejected: {},
    };
    this.#operators.set(operator, known);
    return known;
  }
}

/** The labels are bounded: operators are a topology's, reasons are error codes and what processors name. */
function flowMetrics(metrics: Metrics): {
  records: Counter<'operator' | 'direction'>;
  dropped: Counter<'operator' | 'reason'>;
  rejected: Counter<'operator' | 'reason'>;
} {
  return {
    records: metrics.counter(
      'engine_operator_records_total',
      'Records that operators received and emitted.',
      ['operator', 'direction'],
    ),
    dropped: metrics.counter('engine_dropped_records_total', 'Records that an operator dropped by design.', [
      'operator',
      'reason',
    ]),
    rejected: rejectedRecords(metrics),
  };
}

export function rejectedRecords(metrics: Metrics): Counter<'operator' | 'reason'> {
  return metrics.counter(
    'engine_rejected_records_total',
    'Records that an operator could not decode or process.',
    ['operator', 'reason'],
  );
}
