/** What is told of requests and records on their way, of those that are sampled. Contexts are W3C `traceparent`s. */

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export type SpanStart = {
  /** server: a request from elsewhere; consumer: a record; internal: a part of one of these. */
  readonly kind: 'server' | 'consumer' | 'internal';
  readonly attributes?: Attributes;
  /** Ms since the epoch; now where it is absent. */
  readonly startMs?: number;
  /** Another trace that has to do with it. */
  readonly link?: string | undefined;
};

export interface Span {
  /** Context that makes other spans children of this one. */
  readonly traceparent: string;
  set(attributes: Attributes): void;
  /** `error`: why it failed. */
  end(error?: string): void;
}

export interface Tracing {
  /**
   * Begins the span of a request from outside. Its sender decides whether it is sampled; chance does if the sender says
   * nothing. Undefined if it is not sampled.
   */
  root(name: string, traceparent: string | undefined, start: SpanStart): Span | undefined;
  /** Begins the span of what follows from a traced request; undefined if that is not sampled. */
  child(name: string, traceparent: string | undefined, start: SpanStart): Span | undefined;
  /** Sends what has ended, within a few seconds. */
  close(): Promise<void>;
}

/** version, trace id, span id, flags, of which the lowest bit says that the trace is sampled. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

export type TraceContext = {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
};

/** Undefined for what is malformed. */
export function parseTraceparent(text: string): TraceContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (text.startsWith('ff') || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: Number.parseInt(flags, 16) % 2 === 1 };
}
