import type { GlobalJoinNode } from '../topology/node.ts';
import type { Operator, Output, Step } from './operator.ts';
import { derived, type FlowRecord, RecordList } from './record.ts';
import { undefinedOf } from './record-checks.ts';

/** The rows of a global table as they stand: they change between batches only. */
export interface GlobalRows {
  /** Brings rows into memory, where they stay until the next batch. */
  load(keys: readonly string[]): Promise<void>;
  /** A row that was loaded; undefined where there is none. */
  get(key: string): unknown;
}

/**
 * Joins a stream with a global table. It holds no state of its own: what comes out depends on how far this process had
 * read the table when the record came.
 */
export class GlobalJoinOperator implements Operator {
  readonly input = new RecordList();
  readonly #node: GlobalJoinNode;
  readonly #rows: GlobalRows;
  readonly #output: Output;

  constructor(node: GlobalJoinNode, rows: GlobalRows, output: Output) {
    this.#node = node;
    this.#rows = rows;
    this.#output = output;
  }

  async run(step: Step): Promise<void> {
    if (this.input.length === 0) return;
    const named = this.#named(step);
    await this.#rows.load(named.flatMap(({ key }) => (key === null ? [] : [key])));
    for (const { record, key } of named) {
      const row = (key === null ? undefined : this.#rows.get(key)) ?? null;
      if (row === null && this.#node.type === 'inner') continue;
      try {
        const joined = this.#node.join(record.value, row);
        if (joined === undefined) throw undefinedOf(this.#node.name, record.key);
        this.#output.push(derived(record, record.key, joined, record.timestamp));
      } catch (error) {
        step.reject(record, this.#node.name, error);
      }
    }
  }

  /** The records that are joined, each with the key of its row. */
  #named(step: Step): { readonly record: FlowRecord; readonly key: string | null }[] {
    const { name, type, keyOf } = this.#node;
    const named: { record: FlowRecord; key: string | null }[] = [];
    for (let i = 0; i < this.input.length; i++) {
      const record = this.input.at(i);
      if (record.value === null) {
        step.drop(name, 'null-value');
        continue;
      }
      try {
        const key = keyOf(record);
        if (key === null && type === 'inner') step.drop(name, 'null-key');
        else named.push({ record, key });
      } catch (error) {
        step.reject(record, name, error);
      }
    }
    return named;
  }
}
