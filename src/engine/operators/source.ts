import type { RecordBatch } from '#log';
import { errorCode, InputError } from '#platform';
import type { SourceNode } from '../topology/node.ts';
import type { Operator, Output, Step } from './operator.ts';
import { type RawRecord, RecordList } from './record.ts';
import { traceHeader } from './trace-header.ts';

/** Decodes the records of one source. */
export class SourceOperator implements Operator {
  readonly input = new RecordList<RawRecord>();
  readonly #node: SourceNode;
  readonly #output: Output;
  readonly #decodeAt: ((bytes: Buffer, start: number, end: number) => unknown) | undefined;

  constructor(node: SourceNode, output: Output) {
    this.#node = node;
    const { value } = node.topic;
    this.#decodeAt = value.decodeAt && ((bytes, start, end) => value.decodeAt?.(bytes, start, end));
    this.#output = output;
  }

  async run(step: Step): Promise<void> {
    for (let i = 0; i < this.input.length; i++) {
      const raw = this.input.at(i);
      try {
        this.#emit(raw, step);
      } catch (error) {
        await this.#retry(raw, step, error).catch((final: unknown) =>
          step.reject(raw, this.#node.name, final),
        );
      }
    }
  }

  #emit(raw: RawRecord, step: Step): void {
    const { batch, index, sequence } = raw;
    const timestamp = batch.timestamp(index);
    this.#assertBelievable(timestamp, step.wallNow);
    const text = batch.keyText(index);
    if (text === null && this.#node.nullKeys === 'reject')
      throw new InputError('MR_RECORD_NULL_KEY', 'the record has no key');
    const key = text === null ? null : this.#node.topic.key.fromText(text);
    const value = this.#decode(batch, index);
    const isNull = value === null && batch.value(index) === null;
    if (isNull && this.#node.role === 'stream' && this.#node.nullValues === 'reject')
      throw new InputError('MR_RECORD_NULL_VALUE', 'the record has no value');
    const trace = traceHeader(batch, index);
    if (trace !== undefined) step.traced(raw, trace);
    const origin = isNull ? undefined : raw;
    this.#output.push({ key, value, timestamp, sequence, timer: undefined, trace, raw: origin });
  }

  #decode(batch: RecordBatch, index: number): unknown {
    if (this.#decodeAt !== undefined) return batch.readValue(index, this.#decodeAt);
    const value = batch.value(index);
    return value === null ? null : this.#node.topic.value.decode(value);
  }

  /** The writer's schema may be new to this process. */
  async #retry(raw: RawRecord, step: Step, error: unknown): Promise<void> {
    const value = raw.batch.value(raw.index);
    if (errorCode(error) !== 'MR_SCHEMA_NOT_LOADED' || value === null) throw error;
    await this.#node.topic.value.prepare(value);
    this.#emit(raw, step);
  }

  /** Producers without a clock write -1, and one with a wrong clock would put windows where nobody looks. */
  #assertBelievable(timestamp: number, wallNow: number): void {
    if (timestamp < 0) {
      throw new InputError('MR_RECORD_TIMESTAMP', `the record has the timestamp ${timestamp}`);
    }
    const { watermark, future } = this.#node;
    if (watermark === 'carried' || watermark.futureMs === undefined || future === 'pass') return;
    if (timestamp > wallNow + watermark.futureMs) {
      throw new InputError(
        'MR_RECORD_FROM_FUTURE',
        `the record lies ${timestamp - wallNow} ms ahead of the wall clock`,
      );
    }
  }
}
