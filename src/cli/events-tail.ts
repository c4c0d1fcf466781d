/** `millrace events tail TOPIC`: the newest records of a topic as JSON lines. */
import { Command } from 'commander';
import { TopicReader, type TopicRecord } from '#engine';
import { createLogger, InputError } from '#platform';
import type { Topics } from '#topologies';
import { defineCommand, EXIT, type Invocation, wholeNumber } from './command.ts';
import { type Installation, openInstallation, requireData } from './installation.ts';
import { withShutdown } from './interruption.ts';
import type { Output } from './output.ts';

type Options = { readonly number: number; readonly follow?: boolean };
type Reader = TopicReader<string, unknown>;
type Row = TopicRecord<string, unknown>;

const POLL_MS = 500;

export function eventsCommand(): Command {
  const tail = defineCommand<Options>({
    command: new Command('tail')
      .description('Print the newest records of a topic, decoded, one JSON object a line.')
      .argument('<topic>', 'a topic that "millrace topics" lists under "topic"')
      .option('-n, --number <count>', 'how many', wholeNumber(0, 1_000_000), 10)
      .option('-f, --follow', 'go on with what is written from now on, until Ctrl-C'),
    examples: [
      ['millrace events tail interactions -n 3', 'the last three events'],
      ['millrace events tail answers --follow', 'every answer as it is given'],
      ['millrace events tail dead-letters -n 100 | grep MR_EVENT_INVALID', 'why events were refused'],
    ],
    notes: 'Bytes are shown as text where they are text, and in base64 otherwise. Ctrl-C ends --follow with exit code 0.',
    run: (invocation, [topic = '']) => tailTopic(invocation, topic),
  });
  return new Command('events').description('Look at what is on the topics.').addCommand(tail);
}

async function tailTopic({ configuration, options, output }: Invocation<Options>, name: string): Promise<number> {
  requireData(configuration);
  const logger = createLogger({ level: configuration.log.level, name: 'events' });
  return withShutdown(logger, async (shutdown) => {
    const installation = await openInstallation(configuration, shutdown);
    const topic = topicOf(installation.topics, name);
    const { reader, newest } = await newestRecords(installation, topic, options.number);
    for (const record of newest) print(output, record);
    if (options.follow === true) await follow(reader, output, shutdown.signal);
    await reader.close();
    return EXIT.done;
  });
}

function topicOf(topics: Topics, name: string): Topics['interactions'] {
  if (Object.hasOwn(topics, name)) return topics[name as keyof Topics] as unknown as Topics['interactions'];
  throw new InputError('MR_LOG_UNKNOWN_TOPIC', `There is no topic ${name} whose records can be shown.`, {
    hint: `Name one of ${Object.keys(topics).join(', ')}.`,
  });
}

/**
 * The last `count` records of all partitions in order of time, and a reader that stands behind them. Offsets have
 * gaps, so that a stretch that turns out to hold too few is read again four times as long.
 */
async function newestRecords(
  { log }: Installation,
  topic: Topics['interactions'],
  count: number,
): Promise<{ reader: Reader; newest: readonly Row[] }> {
  const [description] = await log.describeTopics([topic.name]);
  const offsets = description?.offsets ?? [];
  for (let stretch = count + 10; ; stretch *= 4) {
    const from = offsets.map(({ start, stable }) => Math.max(start, stable - stretch));
    const reader: Reader = await TopicReader.open(log, topic, { from });
    const records: Row[] = [];
    for await (const some of reader.untilEnd()) records.push(...some);
    if (records.length >= count || from.every((offset, partition) => offset === offsets[partition]?.start)) {
      records.sort((a, b) => a.timestamp - b.timestamp || a.offset - b.offset);
      return { reader, newest: count === 0 ? [] : records.slice(-count) };
    }
    await reader.close();
  }
}

async function follow(reader: Reader, output: Output, stopped: AbortSignal): Promise<void> {
  const ended = AbortSignal.any([stopped, output.closed]);
  while (!ended.aborted) for (const record of await reader.poll(POLL_MS)) print(output, record);
}

function print(output: Output, { topic, partition, offset, timestamp, key, value }: Row): void {
  output.value({ topic, partition, offset, timestamp: new Date(timestamp).toISOString(), key, value: shown(value) });
}

function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return textOf(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shown(field)]));
}

function textOf(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!/[\p{Cc}--[\t\r\n]]/v.test(text)) return text;
  } catch {
    // No text: shown as base64 like other bytes.
  }
  return Buffer.from(bytes).toString('base64');
}
