/** `millrace lag`: how far each group is behind what it reads. */
import type { Command } from 'commander';
import { systemClock } from '#platform';
import { type GroupLag, groupLags } from '#processing';
import { openLogInstallation, requireData, withShutdown } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { drawFrames, intervalMs } from '../live/frames.ts';
import { duration, grouped, right, tableLines } from '../output.ts';

type Options = { readonly group?: string; readonly watch?: number | true };

const WATCH_MS = 2_000;

export function lagCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .option('--group <group>', 'only this group, such as loop-4')
      .option('--watch [seconds]', 'again and again until Ctrl-C (default: every 2 seconds)', intervalMs),
    examples: [
      ['millrace lag', 'of each group: its partitions, those with the largest lag first, and the total'],
      ['millrace lag --group loop-4 --watch', 'whether it catches up'],
      ['millrace lag --json | jq "select(.lag > 1000) | .group"', 'one object a group'],
    ],
    notes: `
lag: offsets from the committed one to the end; more than records where transactions and compaction leave gaps.
behind: age of the first record that is not committed, by its own timestamp: of imported data it is the data's age.
Groups are those that the log knows: of the processors, views, replays, trainings and the archive.`,
    run: lag,
  });
}

async function lag({ configuration, options, output }: Invocation<Options>): Promise<number> {
  requireData(configuration);
  return withShutdown(configuration, async (shutdown) => {
    const { log } = await openLogInstallation(configuration, shutdown);
    const { group, watch } = options;
    if (group !== undefined && !(await log.groups()).includes(group))
      throw usageError(`The log knows no group ${group}.`, 'See "millrace lag" for those that it knows.');
    await drawFrames({
      output,
      signal: shutdown.signal,
      once: watch === undefined,
      intervalMs: typeof watch === 'number' ? watch : WATCH_MS,
      frame: async () => {
        const lags = await groupLags(log, systemClock.now(), group === undefined ? undefined : [group]);
        return { lines: linesOf(lags), json: lags };
      },
    });
    return EXIT.done;
  });
}

function linesOf(lags: readonly GroupLag[]): readonly string[] {
  const rows = lags.flatMap(({ group, partitions, lag, behindMs }) => [
    ...partitions
      .toSorted((a, b) => b.lag - a.lag)
      .map((each) => [
        group,
        `${each.topic}/${each.partition}`,
        ...[each.committed, each.end, each.lag].map(grouped),
        duration(each.behindMs),
      ]),
    [group, 'total', '', '', grouped(lag), duration(behindMs)],
  ]);
  const titles = ['group', 'partition', right('committed'), right('end'), right('lag'), right('behind')];
  return tableLines(titles, rows);
}
