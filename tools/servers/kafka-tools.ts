/** Java's own tools of Kafka, each by the name of its script. */
import { join } from 'node:path';
import { requirePrograms, runToEnd } from './programs.ts';

const tools = {
  'kafka-configs': 'kafka.admin.ConfigCommand',
  'kafka-console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'kafka-console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'kafka-consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'kafka-delete-records': 'org.apache.kafka.tools.DeleteRecordsCommand',
  'kafka-get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'kafka-reassign-partitions': 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  'kafka-topics': 'org.apache.kafka.tools.TopicCommand',
  'kafka-transactions': 'org.apache.kafka.tools.TransactionsCommand',
} as const;

export type KafkaTool = keyof typeof tools;

/** A tool by its script's name, or any class of the jars that has a `main`. */
export type ToolOrClass = KafkaTool | `${string}.${string}`;

/** Arguments of `java` for a short run of a class of `jars`. */
export function javaArguments(jars: string, mainClass: string, args: readonly string[]): readonly string[] {
  return [
    '-Xmx256m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
    ...['-cp', join(jars, '*')],
    mainClass,
    ...args,
  ];
}

/**
 * Runs a tool to its end, with `--bootstrap-server brokers` before its arguments and `input` as its standard input, and
 * gives its standard output. Rejects, with what it printed, when it fails.
 */
export function runTool(
  jars: string,
  brokers: string,
  tool: ToolOrClass,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const mainClass = tool in tools ? tools[tool as KafkaTool] : tool;
  return runToEnd('java', javaArguments(jars, mainClass, ['--bootstrap-server', brokers, ...args]), input);
}

/** Runs kcat to its end, with `input` as its standard input, and returns its standard output; rejects as `runTool` does. */
export async function runKcat(brokers: string, args: readonly string[], input?: string): Promise<string> {
  requirePrograms('kcat');
  return runToEnd('kcat', ['-b', brokers, ...args], input);
}
