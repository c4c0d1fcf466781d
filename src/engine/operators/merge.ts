import type { Operator, Output } from './operator.ts';
import { BySequence, RecordList } from './record.ts';

/** Several streams as one, in the order in which the records behind them were read. */
export class MergeOperator implements Operator {
  readonly inputs: readonly RecordList[];
  readonly #output: Output;

  constructor(inputs: number, output: Output) {
    this.inputs = Array.from({ length: inputs }, () => new RecordList());
    this.#output = output;
  }

  run(): void {
    const merged = new BySequence(this.inputs);
    for (let record = merged.next(); record !== undefined; record = merged.next()) this.#output.push(record);
  }
}
