/** `millrace offsets set GROUP TOPIC/PARTITION OFFSET`: where a stopped group goes on. */

import { Command } from 'commander';
import { audited, operatorOfThisMachine } from '#audit';
import { idleMember, type Log, type OffsetCommit, type TopicPartition } from '#log';
import { errorCode, InputError, systemClock } from '#platform';
import { withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { grouped } from '../output.ts';
import { requireReadable } from './readable-offset.ts';

export function setOffsetCommand(): Command {
  return defineCommand({
    command: new Command('set')
      .description("Set a group's offset; stop all of its instances first.")
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
  place: TopicPartition,
  text: string,
): Promise<number> {
  return withInstallation(configuration, async ({ log, topics }) => {
    const { topic, partition } = place;
    const [description] = await log.describeTopics([topic]);
    const bounds = description?.offsets[partition];
    if (bounds === undefined)
      throw usageError(`Topic ${topic} has no partition ${partition}.`, 'See "millrace topics".');
    const offset = requireReadable(place, text, bounds);
    const [before] = await log.committedOffsets(group, [place]);
    if (before === undefined)
      throw usageError(
        `Group ${group} has read nothing of ${topic}/${partition}.`,
        'See "millrace offsets".',
      );
    // With the watermark that the group has come to, which its tasks go on from.
    const act = {
      act: 'offsets set',
      actor: operatorOfThisMachine(),
      subject: `${group} ${topic}/${partition}`,
    };
    const details = { before: String(before.offset), offset: text };
    await audited({ log, topics, clock: systemClock }, { ...act, details }, () =>
      commitIdle(log, group, { ...before, offset }),
    );
    if (output.json) output.value({ group, ...place, before: before.offset, offset });
    else
      output.line(
        `${group} continues at offset ${grouped(offset)} of ${topic}/${partition}; it was at ${grouped(before.offset)}.`,
      );
    return EXIT.done;
  });
}

/** Errors: InputError MR_GROUP_LIVE; those of Log.commitOffsets. */
async function commitIdle(log: Log, group: string, commit: OffsetCommit): Promise<void> {
  try {
    await log.commitOffsets(idleMember(group), [commit]);
  } catch (cause) {
    if (errorCode(cause) !== 'MR_LOG_GENERATION') throw cause;
    throw new InputError('MR_GROUP_LIVE', `Group ${group} has live members; its offsets were not changed.`, {
      hint: 'Stop all of its processes first. A killed process counts as live until its session times out, seconds later.',
      cause,
    });
  }
}

function placeOf(text: string): TopicPartition {
  const [, topic, partition] = /^(.+)\/(\d+)$/.exec(text) ?? [];
  if (topic === undefined)
    throw usageError(`${text} names no partition.`, 'Write TOPIC/PARTITION, such as interactions/0.');
  return { topic, partition: Number(partition) };
}
