/** `millrace offsets`: how far groups have read. */

import type { Command } from 'commander';
import type { Log } from '#log';
import { GROUPS } from '#processing';
import { withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { grouped, right } from '../output.ts';
import { setOffsetCommand } from './offsets-set.ts';

export function offsetsCommand(command: Command): Command {
  return defineCommand({
    command: command.argument('[group]', 'only this group, such as that of your own view'),
    examples: [
      ['millrace offsets', 'of all groups'],
      [
        'millrace offsets set loop-4 interactions/0 1179',
        'what the message of MR_GROUP_OFFSET or MR_STORE_AHEAD names',
      ],
    ],
    notes: `
start and end are the log's. The next start refuses an offset beyond the end, or one behind the stores.`,
    run: (invocation, [group]) => listOffsets(invocation, group === undefined ? GROUPS : [group]),
  })
    .enablePositionalOptions()
    .addCommand(setOffsetCommand());
}

type Row = {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly start: number;
  readonly end: number;
};

async function listOffsets(
  { configuration, output }: Invocation<object>,
  groups: readonly string[],
): Promise<number> {
  return withInstallation(configuration, async ({ log }) => {
    const rows: Row[] = [];
    for (const group of groups) rows.push(...(await offsetsOf(log, group)));
    output.list(
      rows,
      ['group', 'topic', right('partition'), right('offset'), right('start'), right('end')],
      ({ group, topic, partition, offset, start, end }) => {
        return [group, topic, ...[partition, offset, start, end].map(grouped)];
      },
    );
    return EXIT.done;
  });
}

async function offsetsOf(log: Log, group: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { name: topic, offsets } of await log.describeTopics()) {
    const places = offsets.map((_, partition) => ({ topic, partition }));
    for (const commit of await log.committedOffsets(group, places)) {
      if (commit === undefined) continue;
      const { partition, offset } = commit;
      const { start = 0, end = 0 } = offsets[partition] ?? {};
      rows.push({ group, topic, partition, offset, start, end });
    }
  }
  return rows;
}
