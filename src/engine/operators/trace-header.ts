import type { RecordBatch } from '#log';

/** The W3C trace context of a record; its own memory. */
export function traceHeader(batch: RecordBatch, index: number): Buffer | undefined {
  if (batch.isPlain) return undefined;
  // A copy: it may wait for the commit, when the batch is gone.
  for (const [name, value] of batch.headers(index)) if (name === 'traceparent') return Buffer.from(value);
  return undefined;
}
