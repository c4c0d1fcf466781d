import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createHttpServer, createLogger, createMetrics, traceparentOf } from '#platform';
import { eventually, TestCollector } from '#platform/testing';
import { openTracing } from './otlp.ts';
import { parseTraceparent } from './port.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const sampled = `00-${TRACE}-${PARENT}-01`;
const unsampled = `00-${TRACE}-${PARENT}-00`;
const logger = createLogger({ level: 'silent', name: 'test' });

type Given = { readonly sample?: number; readonly random?: () => number };

async function traced(t: TestContext, { sample = 0, random = () => 0.5 }: Given = {}) {
  const collector = await TestCollector.open(t);
  const warnings: string[] = [];
  const metrics = createMetrics();
  const noting = { ...logger, warn: (_: unknown, message?: string) => void warnings.push(message ?? '') };
  const tracing = await openTracing(
    { endpoint: `${collector.url}/`, sample, service: 'shop', authorization: 'Basic x' },
    { random, logger: noting as typeof logger, metrics },
  );
  assert.ok(tracing !== undefined);
  return { collector, tracing, metrics, warnings };
}

const sentAs = async (metrics: ReturnType<typeof createMetrics>, outcome: string) =>
  new RegExp(`^millrace_tracing_spans_total\\{outcome="${outcome}"\\} (\\d+)`, 'm').exec(
    await metrics.render(),
  )?.[1];

it('nothing is traced without a collector', async () => {
  const off = { sample: 1, service: 'shop' };
  const environment = { random: () => 0, logger, metrics: createMetrics() };
  assert.equal(await openTracing(off, environment), undefined);
});

describe('spans', () => {
  it('are sent with their trace, parent, times, attributes, link and failure', async (t) => {
    const { collector, tracing, metrics } = await traced(t);
    const link = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    const span = tracing.child('process orders', sampled, {
      kind: 'consumer',
      attributes: { 'millrace.offset': 7, 'messaging.destination.name': 'orders' },
      startMs: 1_700_000_000_123,
      link,
    });
    assert.match(span?.traceparent ?? '', new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-01$`));
    const inner = tracing.child('part', span?.traceparent, { kind: 'internal' });
    inner?.set({ 'http.response.status_code': 503 });
    inner?.end('it failed');
    span?.end();
    await tracing.close();
    const [first, second] = collector.spans.toSorted((a, b) => a.name.localeCompare(b.name));
    assert.deepEqual(
      [first?.name, first?.traceId, first?.parentSpanId, first?.failure, first?.attributes, first?.kind],
      ['part', TRACE, second?.spanId, 'it failed', { 'http.response.status_code': 503 }, 1],
    );
    assert.deepEqual(
      [second?.parentSpanId, second?.failure, second?.startMs, second?.links, second?.kind, second?.service],
      [PARENT, undefined, 1_700_000_000_123, ['1'.repeat(32)], 5, 'shop'],
    );
    assert.deepEqual(second?.attributes, { 'millrace.offset': 7, 'messaging.destination.name': 'orders' });
    assert.deepEqual(collector.authorizations, ['Basic x']);
    assert.equal(await sentAs(metrics, 'sent'), '2');
  });

  it('are begun as the sender of a request says, and by chance where it says nothing', async (t) => {
    const start = { kind: 'server' } as const;
    let drawn = 0;
    const { tracing } = await traced(t, { sample: 0.25, random: () => drawn });
    for (const [chance, isTraced] of [
      [0, true],
      [0.2499, true],
      [0.25, false],
      [0.99, false],
    ] as const) {
      drawn = chance;
      assert.equal(tracing.root('r', undefined, start) !== undefined, isTraced, `${chance}`);
      assert.equal(tracing.root('r', 'nonsense', start) !== undefined, isTraced, `${chance}`);
      assert.ok(tracing.root('r', sampled, start)?.traceparent.includes(TRACE));
      assert.equal(tracing.root('r', unsampled, start), undefined);
      assert.equal(tracing.child('c', undefined, start), undefined);
      assert.equal(tracing.child('c', 'nonsense', start), undefined);
      assert.equal(tracing.child('c', unsampled, start), undefined);
    }
    await tracing.close();
  });

  it('are lost while the collector is away, which is counted and logged once', async (t) => {
    const { collector, tracing, metrics, warnings } = await traced(t, { sample: 1 });
    collector.isAway = true;
    for (let i = 0; i < 2; i++) {
      tracing.root('r', undefined, { kind: 'server' })?.end();
      await eventually(async () => (await sentAs(metrics, 'lost')) === `${i + 1}`);
    }
    assert.deepEqual(warnings, ['spans cannot be sent to the collector']);
    collector.isAway = false;
    tracing.root('r', undefined, { kind: 'server' })?.end();
    await tracing.close();
    assert.equal(collector.spans.length, 1);
    assert.equal(await sentAs(metrics, 'sent'), '1');
  });
});

describe('a server that traces', () => {
  it('has a span for each sampled request, names it in the answer, and hands it on', async (t) => {
    const { collector, tracing } = await traced(t);
    const server = await createHttpServer({ logger, metrics: createMetrics(), tracing });
    t.after(() => server.close());
    server.routes.get('/things/:id', async (request) => ({ handedOn: traceparentOf(request) ?? null }));
    server.routes.get('/broken', async () => {
      throw new Error('broken');
    });
    const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
    const ask = async (path: string, traceparent?: string) => {
      const headers = { connection: 'close', ...(traceparent && { traceparent }) };
      const response = await fetch(url + path, { headers });
      const body = (await response.json()) as { handedOn: string | null };
      return { named: response.headers.get('traceresponse'), handedOn: body.handedOn };
    };
    const { named, handedOn } = await ask('/things/1', sampled);
    assert.match(named ?? '', new RegExp(`^00-${TRACE}-`));
    assert.equal(handedOn, named);
    await ask('/broken', sampled);
    await ask('/missing', sampled);
    // Probes have none, whatever they send; what is not sampled is handed on as it came.
    await ask('/health/live', sampled);
    assert.deepEqual(await ask('/things/1', unsampled), { named: null, handedOn: unsampled });
    assert.deepEqual(await ask('/things/1'), { named: null, handedOn: null });
    assert.deepEqual(await ask('/things/1', 'nonsense'), { named: null, handedOn: null });
    await tracing.close();
    const shown = collector.spans.map(({ name, parentSpanId, failure, attributes }) => [
      name,
      parentSpanId,
      failure,
      attributes['http.response.status_code'],
    ]);
    assert.deepEqual(shown.toSorted(), [
      ['GET /broken', PARENT, 'status 500', 500],
      ['GET /things/:id', PARENT, undefined, 200],
      ['GET unmatched', PARENT, undefined, 404],
    ]);
  });
});

it('a traceparent is read as W3C defines it', () => {
  assert.deepEqual(parseTraceparent(sampled), { traceId: TRACE, spanId: PARENT, isSampled: true });
  assert.equal(parseTraceparent(unsampled)?.isSampled, false);
  // Only the lowest bit counts, and later versions may have other bits.
  assert.equal(parseTraceparent(`01-${TRACE}-${PARENT}-03`)?.isSampled, true);
  assert.equal(parseTraceparent(`00-${TRACE}-${PARENT}-02`)?.isSampled, false);
  for (const wrong of [
    '',
    sampled.toUpperCase(),
    `${sampled}-x`,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.slice(1)}-${PARENT}-01`,
  ]) {
    assert.equal(parseTraceparent(wrong), undefined, wrong);
  }
});
