import assert from 'node:assert/strict';
import { it } from 'node:test';
import { RecordBuffer, StoredBatch } from '#log';
import type { Span, SpanStart, Tracing } from '#platform';
import { RecordSpans } from './record-spans.ts';

const SAMPLED = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

/** What was begun and how it ended, of a tracing that samples all. */
function recorded() {
  const begun: { name: string; parent: string | undefined; start: SpanStart; ended: string[] }[] = [];
  const child = (name: string, parent: string | undefined, start: SpanStart): Span => {
    const ended: string[] = [];
    begun.push({ name, parent, start, ended });
    return { traceparent: '', set: () => {}, end: (error = 'well') => void ended.push(error) };
  };
  const tracing: Tracing = { root: child, child, close: async () => {} };
  return { begun, tracing };
}

function batchOf(count: number) {
  const records = Array.from({ length: count }, () => ({
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    timestamp: 1,
  }));
  const [encoded] = RecordBuffer.of(records).encode();
  assert.ok(encoded !== undefined);
  return new StoredBatch('orders', 2, 40, encoded.bytes);
}

it('a record is traced until its commit, each once, and what is not committed has failed', () => {
  const { begun, tracing } = recorded();
  const spans = new RecordSpans('loop-2', tracing);
  const batch = batchOf(3);
  const raw = (index: number) => ({ source: 's', batch, index, sequence: index });
  spans.begin(raw(1), Buffer.from(SAMPLED));
  assert.deepEqual(
    begun.map(({ name, parent, start, ended }) => [
      name,
      parent,
      start.attributes?.['millrace.offset'],
      ended,
    ]),
    [['process orders', SAMPLED, 41, []]],
  );
  assert.deepEqual(spans.headersOf?.('k'), [['traceparent', Buffer.from(SAMPLED)]]);
  assert.equal(spans.headersOf?.('other'), undefined);
  spans.end();
  assert.equal(spans.headersOf, undefined);
  spans.end();
  spans.begin(raw(2), Buffer.from(SAMPLED));
  spans.end('closed');
  assert.deepEqual(
    begun.map(({ ended }) => ended),
    [['well'], ['closed']],
  );
});

it('a commit holds so many spans, and no more', () => {
  const { begun, tracing } = recorded();
  const spans = new RecordSpans('loop-2', tracing);
  const batch = batchOf(1_001);
  for (let index = 0; index <= 1_000; index++)
    spans.begin({ source: 's', batch, index, sequence: index }, Buffer.from(SAMPLED));
  assert.equal(begun.length, 1_000);
  spans.end();
  spans.begin({ source: 's', batch, index: 1_000, sequence: 0 }, Buffer.from(SAMPLED));
  assert.equal(begun.length, 1_001);
});
