import { partitionFor, type SimulatedLog } from '#log';
import type { DeadLetter } from '../../dead-letter-topic.ts';
import type { Topic } from '../../serde.ts';
import type { Task } from '../../task/task.ts';
import { TopicReader } from '../../topic-reader.ts';
import {
  type AnyTopic,
  type Comparison,
  DEAD_LETTERS,
  type Input,
  type OutputRecord,
  type TopologyUnderTest,
} from './topology-under-test.ts';

/** What a run leaves, as lines of text by what they are of: an output topic, a store, the digests. */
export type Outcome = ReadonlyMap<string, readonly string[]>;

type Placed = OutputRecord & { readonly partition: number };

/** Reads the output topics and the dead letters, as committed. */
export async function readOutputs(
  log: SimulatedLog,
  topology: TopologyUnderTest,
  deadLetters: Topic<string, DeadLetter>,
): Promise<Outcome> {
  const outcome = new Map<string, readonly string[]>();
  for (const { topic, comparison } of topology.outputs) {
    const records: Placed[] = await readAll(log, topic);
    outcome.set(`topic ${topic.name}`, comparable(records, comparison));
  }
  const own = new Set(topology.inputs.map(({ name }) => name));
  const letters = (await readAll(log, deadLetters)).map(({ value }) => {
    const { topic, partition, offset, operator, reason, message, key } = value as DeadLetter;
    // Offsets of internal topics depend on how transactions were cut.
    const place = own.has(topic) ? `${topic}/${partition}@${offset}` : topic;
    return [`${place} ${reason}`, `${place} ${operator} ${reason} ${message} ${key?.toString() ?? ''}`];
  });
  outcome.set('dead letters', letters.map(([short = '']) => short).sort());
  return outcome.set('dead letters in full', letters.map(([, full = '']) => full).sort());
}

async function readAll(log: SimulatedLog, topic: AnyTopic): Promise<Placed[]> {
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  const records: Placed[] = [];
  for await (const chunk of reader.untilEnd()) {
    for (const record of chunk) records.push({ ...record, key: topic.key.toText(record.key) });
  }
  await reader.close();
  return records;
}

/** Contents and digests of the stores of `tasks`, without those that may differ. */
export async function readStores(tasks: readonly Task[], loose: readonly string[] = []): Promise<Outcome> {
  const outcome = new Map<string, readonly string[]>();
  for (const task of tasks) {
    for (const [store, digest] of task.digests()) {
      if (loose.includes(store)) continue;
      const lines: string[] = [];
      for await (const [key, value] of task.entries(store)) lines.push(`${key} ${JSON.stringify(value)}`);
      outcome.set(`store ${task.name}:${store}`, lines.sort());
      outcome.set(`digest ${task.name}:${store}`, [digest]);
    }
  }
  return outcome;
}

/** What the topology's model says of the outputs. */
export function modelled(topology: TopologyUnderTest, input: Input): Outcome | undefined {
  const expected = topology.model?.(input);
  if (expected === undefined) return undefined;
  const outcome = new Map<string, readonly string[]>();
  for (const { topic, comparison } of topology.outputs) {
    const records = expected[topic.name]?.map((record) => ({
      ...record,
      partition: partitionFor(Buffer.from(record.key), topic.partitions),
    }));
    if (records !== undefined) outcome.set(`topic ${topic.name}`, comparable(records, comparison));
  }
  const letters = expected[DEAD_LETTERS];
  if (letters !== undefined) {
    outcome.set('dead letters', letters.map(({ key, value }) => `${key} ${value}`).sort());
  }
  return outcome;
}

function comparable(records: readonly Placed[], comparison: Comparison): string[] {
  const text = ({ key, value, timestamp }: Placed) => {
    const line = `${key} ${JSON.stringify(value)}`;
    return comparison === 'last-value-per-key' ? line : `${line} at ${timestamp}`;
  };
  const groups = new Map<string, string[]>();
  for (const record of records) {
    // What a compacted topic says by a tombstone it may say by nothing.
    if (record.value === null && comparison.startsWith('last-')) {
      groups.delete(record.key);
      continue;
    }
    const group = comparison === 'sequence' ? `${record.partition}` : record.key;
    const lines = groups.get(group) ?? [];
    groups.set(group, lines);
    lines.push(`${record.partition}: ${text(record)}`);
  }
  if (comparison === 'multiset') return [...groups.values()].flat().sort();
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  if (comparison.startsWith('last-')) return sorted.map(([, lines]) => lines.at(-1) as string);
  return sorted.flatMap(([, lines]) => lines);
}

const SHOWN = 6;

/** Where two outcomes differ, of what both speak of; undefined where they are the same. */
export function difference(
  [name, actual]: readonly [string, Outcome],
  [otherName, expected]: readonly [string, Outcome],
): string | undefined {
  const reports: string[] = [];
  for (const [part, lines] of expected) {
    const others = actual.get(part);
    if (others === undefined) {
      reports.push(`${part}: ${name} has none of it`);
      continue;
    }
    const at = lines.findIndex((line, index) => line !== others[index]);
    const first = at === -1 && others.length > lines.length ? lines.length : at;
    if (first === -1) continue;
    const show = (from: readonly string[]) => from.slice(first, first + SHOWN).map((line) => `      ${line}`);
    reports.push(
      [
        `${part}: ${lines.length} lines ${otherName}, ${others.length} ${name}; from line ${first + 1} on`,
        `    ${otherName}:`,
        ...show(lines),
        `    ${name}:`,
        ...show(others),
      ].join('\n'),
    );
  }
  return reports.length === 0 ? undefined : reports.join('\n');
}
