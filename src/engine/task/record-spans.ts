import type { Header } from '#log';
import type { Span, Tracing } from '#platform';
import type { RawRecord } from '../operators/record.ts';
import type { HeadersOf } from './restore/state.ts';

/** A batch that is traced throughout would hold thousands of spans until its commit. */
const MOST_OPEN = 1_000;

/** Spans of the traced records of a task: from being taken until the transaction with their results has committed. */
export class RecordSpans {
  readonly #task: string;
  readonly #tracing: Tracing | undefined;
  #open: Span[] = [];
  /** Trace contexts of records, by their keys. */
  readonly #byKey = new Map<string, readonly Header[]>();

  constructor(task: string, tracing: Tracing | undefined) {
    this.#task = task;
    this.#tracing = tracing;
  }

  begin({ batch, index }: RawRecord, traceparent: Buffer): void {
    if (this.#tracing === undefined || this.#open.length === MOST_OPEN) return;
    const { topic, partition } = batch;
    const attributes = {
      'messaging.operation.type': 'process',
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': String(partition),
      'millrace.offset': batch.offset(index),
      'millrace.task': this.#task,
    };
    const start = { kind: 'consumer', attributes } as const;
    const span = this.#tracing.child(`process ${topic}`, traceparent.toString('latin1'), start);
    if (span === undefined) return;
    this.#open.push(span);
    const key = batch.keyText(index);
    if (key !== null) this.#byKey.set(key, [['traceparent', traceparent]]);
  }

  /**
   * Headers for the changes of stores, which know no causes: a change under the key of a traced record is taken for its
   * effect. Undefined where none is traced.
   */
  get headersOf(): HeadersOf | undefined {
    return this.#byKey.size === 0 ? undefined : (key) => this.#byKey.get(key);
  }

  /** `error`: why their results were not committed. */
  end(error?: string): void {
    if (this.#open.length === 0) return;
    for (const span of this.#open) span.end(error);
    this.#open = [];
    this.#byKey.clear();
  }
}
