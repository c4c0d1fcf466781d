import { createRequire } from 'node:module';
import type * as Prometheus from 'prom-client';
import type { Counter, Gauge, Histogram, MetricObjectWithValues, MetricValue } from 'prom-client';
import { invariant } from './errors.ts';

const require = createRequire(import.meta.url);
/** Loaded at its first use: most commands and threads have no metrics. */
const prometheus = (): typeof Prometheus => require('prom-client');

export type { Counter, Gauge, Histogram };

type Metric<L extends string> = Counter<L> | Gauge<L> | Histogram<L>;

/** The values of all metrics of one thread; they survive a structured clone. */
export type MetricValues = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Prometheus metrics of one thread. The same name returns the same metric. */
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
  /** Adds those of the process, once: processor time, memory, the event loop of this thread, its garbage collections. */
  observeProcess(): void;
  /** All metrics in the Prometheus text format, to be served as `contentType`. */
  render(): Promise<string>;
  /** For renderTogether. */
  values(): Promise<MetricValues>;
  readonly contentType: string;
}

const PREFIX = 'millrace_';

/** Default histogram bounds, in ms: from a memory access to a stalled disk. */
const latencyBucketsMs = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

export function createMetrics(): Metrics {
  const { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } = prometheus();
  const registry = new Registry();
  const known = new Map<string, { readonly form: string; readonly metric: unknown }>();

  function memoised<M extends Metric<L>, L extends string>(
    kind: string,
    name: string,
    labels: readonly L[],
    create: (name: string) => M,
  ): M {
    const form = `${kind} ${labels}`;
    const { metric, form: before } = known.get(name) ?? { metric: create(PREFIX + name), form };
    invariant(form === before, `metric ${name} is requested with another kind or other labels than before`);
    known.set(name, { metric, form });
    return metric as M;
  }

  let observesProcess = false;

  return {
    observeProcess() {
      if (!observesProcess) collectDefaultMetrics({ register: registry, prefix: PREFIX });
      observesProcess = true;
    },
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
  return prometheus()
    .AggregatorRegistry.aggregate([...threads])
    .metrics();
}
