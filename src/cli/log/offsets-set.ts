/** `millrace offsets set GROUP TOPIC/PARTITION OFFSET`: where a stopped group goes on. */

import { Command } from 'commander';
import { idleMember } from '#log';
import { withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { grouped } from '../output.ts';

type Place = { readonly topic: string; readonly partition: number };

export function setOffsetCommand(): Command {
  return defineCommand({
    command: new Command('set')
      .description("Set a group's offset; all of its instances must be stopped.")
      .argument('<group>', 'such as loop-4')
      .argument('<place>', 'topic and partition, such as interactions/0')
      .argument('<offset>', "within the log's start and end"),
    examples: [['millrace offsets set loop-4 interactions/0 1179', 'the records between are not processed']],
    notes: `
After moving forward, the skipped records are never processed; after moving backward, stores that are ahead refuse the
next start (MR_STORE_AHEAD), with a message that says how far they are.`,
    run: (invocation, [group = '', place = '', offset = '']) =>
      setOffset(invocation, group, placeOf(place), offset),
  });
}

async function setOffset(
  { configuration, output }: Invocation<object>,
  group: string,
  place: Place,
  text: string,
): Promise<number> {
  return withInstallation(configuration, async ({ log }) => {
    const { topic, partition } = place;
    const [description] = await log.describeTopics([topic]);
    const bounds = description?.offsets[partition];
    if (bounds === undefined)
      throw usageError(`Topic $topichas no partition $partition.`, 'See "millrace topics".');
    const offset = Number(text);
    if (!/^\d+$/.test(text) || offset < bounds.start || offset > bounds.end)
      throw usageError(
        `$textis not an offset of $topic/${partition}.`,
        `Choose one from ${bounds.start} to ${bounds.end}.`,
      );
    const [before] = await log.committedOffsets(group, [place]);
    if (before === undefined)
      throw usageError(
        `Group ${group} has read nothing of ${topic}/${partition}.`,
        'See "millrace offsets".',
      );
    // With the watermark that the group has come to, which its tasks go on from.
    await log.commitOffsets(idleMember(group), [{ ...before, offset }]);
    if (output.json) output.value({ group, ...place, before: before.offset, offset });
    else
      output.line(
        `${group} continues at offset ${grouped(offset)} of ${topic}/${partition}; it was at ${grouped(before.offset)}.`,
      );
    return EXIT.done;
  });
}

function placeOf(text: string): Place {
  const [, topic, partition] = /^(.+)\/(\d+)$/.exec(text) ?? [];
  if (topic === undefined)
    throw usageError(`${text} names no partition.`, 'Write TOPIC/PARTITION, such as interactions/0.');
  return { topic, partition: Number(partition) };
}
