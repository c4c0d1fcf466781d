import {
  AggregatorRegistry,
  Counter,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import { invariant } from './errors.ts';

export type { Counter, Gauge, Histogram };

type Metric<L extends string> = Counter<L> | Gauge<L> | Histogram<L>;

/** The values of all metrics of one thread; they survive a structured clone. */
export type MetricValues = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Prometheus metrics of one thread. Asking again for a name gives the same metric. */
export interface Metrics {
  /** `name` without its prefix `millrace_`; a counter's ends in `_total`. */
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  gauge<L extends string = never>(name: string, help: string, labels?: readonly L[]): Gauge<L>;
  /** `buckets`: ascending upper bounds in the metric's own unit. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    buckets?: readonly number[],
  ): Histogram<L>;
  /** All metrics in the Prometheus text format, to be served as `contentType`. */
  render(): Promise<string>;
  /** For renderTogether. */
  values(): Promise<MetricValues>;
  readonly contentType: string;
}

/** Default histogram bounds, in ms: from a memory access to a stalled disk. */
const latencyBucketsMs = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const known = new Map<string, { readonly form: string; readonly metric: unknown }>();

  function memoised<M extends Metric<L>, L extends string>(
    kind: string,
    name: string,
    labels: readonly L[],
    create: (name: string) => M,
  ): M {
    const form = `${kind} ${labels}`;
    const { metric, form: before } = known.get(name) ?? { metric: create(`millrace_${name}`), form };
    invariant(form === before, `metric ${name} is requested with another kind or other labels than before`);
    known.set(name, { metric, form });
    return metric as M;
  }

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    values: () => registry.getMetricsAsJSON(),
    counter: (name, help, labels = []) =>
      memoised('counter', name, labels, (prefixed) => {
        return new Counter({ name: prefixed, help, labelNames: labels, registers: [registry] });
      }),
    gauge: (name, help, labels = []) =>
      memoised('gauge', name, labels, (prefixed) => {
        return new Gauge({ name: prefixed, help, labelNames: labels, registers: [registry] });
      }),
    histogram: (name, help, labels = [], buckets = latencyBucketsMs) =>
      memoised('histogram', name, labels, (prefixed) => {
        const options = { name: prefixed, help, labelNames: labels, registers: [registry] };
        return new Histogram({ ...options, buckets: [...buckets] });
      }),
  };
}

/** The metrics of several threads as `render` gives those of one: of the same name and labels, the sum. */
export function renderTogether(threads: readonly MetricValues[]): Promise<string> {
  return AggregatorRegistry.aggregate([...threads]).metrics();
}
