/** `millrace events tail TOPIC`: the newest records of a topic as JSON lines. */

import { Command } from 'commander';
import type { Topic, TopicReader, TopicRecord } from '#engine';
import { InputError } from '#platform';
import { newestRecords, withInstallation } from '#service';
import type { Topics } from '#topologies';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import type { Output } from '../output.ts';
import { withShownBytes } from './shown-bytes.ts';

type Options = { readonly number: number; readonly follow?: boolean };

const POLL_MS = 500;

export function eventsCommand(command: Command): Command {
  const tail = defineCommand<Options>({
    command: new Command('tail')
      .description('Print the newest records of a topic, decoded, one JSON object a line.')
      .argument('<topic>', 'a topic that "millrace topics" lists under "topic"')
      .option('-n, --number <count>', 'how many', wholeNumber(0, 1_000_000), 10)
      .option('-f, --follow', 'keep printing new records until Ctrl-C'),
    examples: [
      ['millrace events tail interactions -n 3', 'the last three events'],
      ['millrace events tail answers --follow', 'every answer as it is made'],
      ['millrace events tail dead-letters -n 100 | grep MR_EVENT_INVALID', 'why events were refused'],
    ],
    notes:
      'Bytes are shown as text if they are text, and in base64 otherwise. Ctrl-C ends --follow with exit code 0.',
    run: (invocation, [topic = '']) => tailTopic(invocation, topic),
  });
  return command.addCommand(tail);
}

async function tailTopic(
  { configuration, options, output }: Invocation<Options>,
  name: string,
): Promise<number> {
  return withInstallation(configuration, async (installation, shutdown) => {
    const topic = topicOf(installation.topics, name);
    const { reader, newest } = await newestRecords(installation.log, topic, options.number);
    for (const record of newest) print(output, record);
    if (options.follow === true) await follow(reader, output, shutdown.signal);
    await reader.close();
    return EXIT.done;
  });
}

function topicOf(topics: Topics, name: string): Topic<string, unknown> {
  if (Object.hasOwn(topics, name)) return topics[name as keyof Topics] as Topic<string, unknown>;
  throw new InputError('MR_LOG_UNKNOWN_TOPIC', `There is no topic ${name} whose records can be shown.`, {
    hint: `Name one of ${Object.keys(topics).join(', ')}.`,
  });
}

async function follow(
  reader: TopicReader<string, unknown>,
  output: Output,
  stopped: AbortSignal,
): Promise<void> {
  const ended = AbortSignal.any([stopped, output.closed]);
  while (!ended.aborted) {
    const records = await reader.poll(POLL_MS).catch((error: unknown) => {
      // The log is closed under a reader that is to stop.
      if (ended.aborted) return [];
      throw error;
    });
    for (const record of records) print(output, record);
  }
}

function print(
  output: Output,
  { topic, partition, offset, timestamp, key, value }: TopicRecord<string, unknown>,
): void {
  output.value({
    topic,
    partition,
    offset,
    timestamp: new Date(timestamp).toISOString(),
    key,
    value: withShownBytes(value),
  });
}
