/** Spans sent to an OpenTelemetry collector, by OTLP over HTTP. */
import type { Span as ApiSpan, SpanContext, Tracer } from '@opentelemetry/api';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import { parseTraceparent, type Span, type SpanStart, type Tracing } from './port.ts';

export type TracingOptions = {
  /** The collector's address, without `/v1/traces`. */
  readonly endpoint: string;
  /** Share of the requests without a trace of their own that are sampled, 0 to 1. */
  readonly sample: number;
  /** What this process is called. */
  readonly service: string;
  /** Header of each request to the collector. */
  readonly authorization?: string | undefined;
};

type Environment = {
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/** What is not sent by then is lost; the end of a process waits for it. */
const SEND_WITHIN_MS = 2_000;
/** Time between two requests to the collector. */
const SEND_EVERY_MS = 1_000;
const SAMPLED = 1;
const RESULT_OK = 0;

/** Undefined where no collector is named: OpenTelemetry is not loaded then. */
export async function openTracing(
  { endpoint, ...options }: Omit<TracingOptions, 'endpoint'> & { readonly endpoint?: string | undefined },
  environment: Environment,
): Promise<Tracing | undefined> {
  return endpoint === undefined ? undefined : openOtlpTracing({ ...options, endpoint }, environment);
}

async function openOtlpTracing(options: TracingOptions, environment: Environment): Promise<Tracing> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const { endpoint, service, authorization, sample } = options;
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: SEND_WITHIN_MS,
    ...(authorization !== undefined && { headers: { authorization } }),
  });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    // Whether a trace is sampled is decided before there is a span.
    sampler: new sdk.AlwaysOnSampler(),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: counting(exporter, environment),
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: SEND_WITHIN_MS,
      }),
    ],
  });
  return new OtlpTracing(api, provider.getTracer('millrace'), sample, environment.random, () =>
    provider.shutdown(),
  );
}

/** An unavailable collector costs spans, and nothing else; the metrics show it, and the log once. */
function counting(exporter: SpanExporter, { logger, metrics }: Environment): SpanExporter {
  const sent = metrics.counter('tracing_spans_total', 'Spans sent to the collector, or lost, by outcome.', [
    'outcome',
  ]);
  let isAway = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const isSent = result.code === RESULT_OK;
        sent.inc({ outcome: isSent ? 'sent' : 'lost' }, spans.length);
        if (!isSent && !isAway) logger.warn({ err: result.error }, 'spans cannot be sent to the collector');
        isAway = !isSent;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush && { forceFlush: () => exporter.forceFlush?.() as Promise<void> }),
  };
}

class OtlpTracing implements Tracing {
  readonly #api: typeof import('@opentelemetry/api');
  readonly #tracer: Tracer;
  readonly #sample: number;
  readonly #random: () => number;
  readonly #shutdown: () => Promise<void>;

  constructor(
    api: typeof import('@opentelemetry/api'),
    tracer: Tracer,
    sample: number,
    random: () => number,
    shutdown: () => Promise<void>,
  ) {
    this.#api = api;
    this.#tracer = tracer;
    this.#sample = sample;
    this.#random = random;
    this.#shutdown = shutdown;
  }

  root(name: string, traceparent: string | undefined, start: SpanStart): Span | undefined {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    if (parent !== undefined) return this.child(name, traceparent, start);
    return this.#random() < this.#sample ? this.#begin(name, undefined, start) : undefined;
  }

  child(name: string, traceparent: string | undefined, start: SpanStart): Span | undefined {
    const parent = this.#remote(traceparent);
    return parent?.traceFlags === SAMPLED ? this.#begin(name, parent, start) : undefined;
  }

  async close(): Promise<void> {
    await this.#shutdown().catch(() => {});
  }

  #remote(traceparent: string | undefined): SpanContext | undefined {
    const parsed = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    if (parsed === undefined) return undefined;
    const { traceId, spanId, isSampled } = parsed;
    return { traceId, spanId, traceFlags: isSampled ? SAMPLED : 0, isRemote: true };
  }

  #begin(name: string, parent: SpanContext | undefined, start: SpanStart): Span {
    const { ROOT_CONTEXT, SpanKind, trace } = this.#api;
    const { kind, attributes, startMs } = start;
    const link = this.#remote(start.link);
    const kinds = { server: SpanKind.SERVER, consumer: SpanKind.CONSUMER, internal: SpanKind.INTERNAL };
    const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    const span = this.#tracer.startSpan(
      name,
      {
        kind: kinds[kind],
        ...(attributes && { attributes }),
        ...(startMs !== undefined && { startTime: startMs }),
        ...(link && { links: [{ context: link }] }),
      },
      context,
    );
    return new OtlpSpan(span, this.#api.SpanStatusCode.ERROR);
  }
}

class OtlpSpan implements Span {
  readonly traceparent: string;
  readonly #span: ApiSpan;
  readonly #failed: number;

  constructor(span: ApiSpan, failed: number) {
    const { traceId, spanId } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-01`;
    this.#span = span;
    this.#failed = failed;
  }

  set(attributes: Readonly<Record<string, string | number | boolean>>): void {
    this.#span.setAttributes(attributes);
  }

  end(error?: string): void {
    if (error !== undefined) this.#span.setStatus({ code: this.#failed, message: error });
    this.#span.end();
  }
}
