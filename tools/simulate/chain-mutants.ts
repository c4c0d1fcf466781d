import type { Mutant } from './mutants.ts';

const operators = (file: string) => `src/engine/operators/${file}.ts`;
const topology = (file: string) => `src/engine/topology/${file}.ts`;

/** Mistakes between operators rather than in one: what each has yet to emit, and where time stands for the next. */
export const CHAIN_MUTANTS: readonly Mutant[] = [
  {
    name: 'what timers hold does not hold the watermark',
    file: operators('processor'),
    find: 'const watermark = Math.min(this.#time.at[this.#behind] as number, held);',
    replace: 'const watermark = held > 0 ? (this.#time.at[this.#behind] as number) : 0;',
  },
  {
    name: 'what a timer holds is never let go',
    file: 'src/engine/store/timer-queue.ts',
    find: 'if (this.#isInForce(first)) return first.holdMs;',
    replace: 'return first.holdMs;',
  },
  {
    name: 'what a timer holds is lost on restart',
    file: 'src/engine/store/timer-queue.ts',
    find: '? [bytes.readDoubleBE(), bytes.readDoubleBE(DUE_BYTES)]',
    replace: '? bytes.readDoubleBE()',
  },
  {
    name: 'time goes on before a commit has let out what it holds',
    file: operators('last-per-key'),
    find: 'this.#timeAfter.end(this.#time.steps, this.#timeAfter.last);',
    replace: 'this.#timeAfter.end(this.#time.steps, this.#time.last);',
  },
  {
    name: 'the watermark of the furthest input',
    file: 'src/engine/time/timeline.ts',
    find: `      let least = Number.POSITIVE_INFINITY;
      for (const { at } of this.#inputs) if ((at[step] as number) < least) least = at[step] as number;`,
    replace: `      let least = Number.NEGATIVE_INFINITY;
      for (const { at } of this.#inputs) if ((at[step] as number) > least) least = at[step] as number;`,
  },
  {
    name: 'a sink announces the watermark of the task’s input',
    file: 'src/engine/task/commit/heartbeats.ts',
    find: 'const time = timeOf(name);',
    replace:
      "const time = timeOf(topology.sources.find((source) => source.time === 'stream')?.name ?? name);",
  },
  {
    name: 'a table holds back a stream',
    file: topology('time'),
    find: 'inputs.filter((input) => kinds.get(input) === kinds.get(node.name))',
    replace: 'inputs',
  },
  {
    name: 'an operator begins again at its input’s watermark',
    file: 'src/engine/task/build-operators.ts',
    find: 'holdBack(node, Math.min(time.last, own.event.leastHold));',
    replace: 'holdBack(node, time.last);',
  },
  {
    name: 'answers of a foreign key do not hold the watermark',
    file: topology('table'),
    find: "{ value: answerSerde(right.value), partitions: builder.partitionsAt(left.from), role: 'table' }",
    replace:
      "{ value: answerSerde(right.value), partitions: builder.partitionsAt(left.from), role: 'table', time: 'table' }",
  },
  {
    name: 'subscriptions to a foreign key do not hold the watermark',
    file: topology('table'),
    find: "{ value: subscriptionSerde, partitions: builder.partitionsAt(right.from), role: 'table' }",
    replace:
      "{ value: subscriptionSerde, partitions: builder.partitionsAt(right.from), role: 'table', time: 'table' }",
  },
  {
    name: 'a join of streams says nothing of what it may emit alone',
    file: topology('joins/stream-stream'),
    find: 'setTimer(row, due, earliest);',
    replace: 'setTimer(row, due);',
  },
  {
    name: 'a suppressed row does not hold the watermark',
    file: topology('windows/suppress'),
    find: 'setTimer(text, dueOf(change.key, change.timestamp), change.timestamp);',
    replace: 'setTimer(text, dueOf(change.key, change.timestamp));',
  },
  {
    name: 'a record that waits for its table does not hold the watermark',
    file: topology('joins/stream-table'),
    find: 'context.setTimer(text, due, first?.timestamp);',
    replace: 'context.setTimer(text, due);',
  },
  {
    name: 'a window does not hold the watermark until it closes',
    file: topology('windows/time-windows'),
    find: 'setTimer(row, closesAt(window, endMs), timestamp);',
    replace: 'setTimer(row, closesAt(window, endMs));',
  },
  {
    name: 'an aggregate’s timestamp goes back',
    file: topology('aggregate'),
    find: 'const timestamp = last !== undefined && last > record.timestamp ? last : record.timestamp;',
    replace: 'const timestamp = last !== undefined ? record.timestamp : record.timestamp;',
  },
  {
    name: 'an inner join keeps its result when the row comes to name a missing one',
    file: topology('joins/foreign-key'),
    find: "if (row === undefined && kind === 'begin' && type === 'inner') return;",
    replace: "if (row === undefined && type === 'inner') return;",
  },
  {
    name: 'a value that needs more memory takes a byte of the one before it',
    file: 'src/engine/store/store-changes.ts',
    find: 'this.#bytes.copy(bytes, 0, 0, this.#end);',
    replace: 'this.#bytes.copy(bytes, 0, 0, this.#end - 1);',
  },
  {
    name: 'a task that is given up leaves its store open',
    file: 'src/engine/task/held-task.ts',
    find: 'await this.task?.close();',
    replace: '',
    shows: 'died',
  },
];
