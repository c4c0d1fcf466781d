import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it was received. */
export type ReceivedSpan = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  /** What went wrong; undefined for what went well. */
  readonly failure: string | undefined;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly links: readonly string[];
  readonly service: string;
};

type Value = { readonly stringValue?: string; readonly intValue?: number | string };
type Attribute = { readonly key: string; readonly value: Value };
type SpanOnWire = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly links?: readonly { readonly traceId: string }[];
  readonly status?: { readonly code?: number; readonly message?: string };
};
type Posted = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly SpanOnWire[] }[];
  }[];
};

/** Takes traces as an OpenTelemetry collector does, by OTLP over HTTP. */
export class TestCollector {
  readonly url: string;
  readonly spans: ReceivedSpan[] = [];
  /** Headers authorization of the requests. */
  readonly authorizations: (string | undefined)[] = [];
  /** Whether requests are answered with an error. */
  isAway = false;

  private constructor(url: string) {
    this.url = url;
  }

  static async open(t: { after(cleanUp: () => void): void }): Promise<TestCollector> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.once('end', () => {
        if (collector.isAway) response.writeHead(400);
        else if (request.url === '/v1/traces') collector.#take(Buffer.concat(chunks).toString());
        collector.authorizations.push(request.headers.authorization);
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const collector = new TestCollector(`http://127.0.0.1:${port}`);
    return collector;
  }

  #take(text: string): void {
    for (const { resource, scopeSpans } of (JSON.parse(text) as Posted).resourceSpans) {
      const service = String(valuesOf(resource.attributes)['service.name']);
      for (const { spans } of scopeSpans) this.spans.push(...spans.map((span) => received(span, service)));
    }
  }
}

function received(span: SpanOnWire, service: string): ReceivedSpan {
  const { name, traceId, spanId, parentSpanId, kind, attributes, links = [], status = {} } = span;
  const ms = (nano: string) => Number(BigInt(nano) / 1_000n) / 1_000;
  return {
    name,
    traceId,
    spanId,
    parentSpanId,
    kind,
    startMs: ms(span.startTimeUnixNano),
    endMs: ms(span.endTimeUnixNano),
    failure: status.code === 2 ? (status.message ?? '') : undefined,
    attributes: valuesOf(attributes),
    links: links.map((link) => link.traceId),
    service,
  };
}

function valuesOf(attributes: readonly Attribute[]): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );
}
