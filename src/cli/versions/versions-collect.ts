/** `millrace versions collect`: old versions go, by rule. */

import { Command } from 'commander';
import { systemClock } from '#platform';
import { type Installation, openExistingInstallation, withShutdown } from '#service';
import { type Collectable, collect, collectable } from '#versions';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import { grouped, moment, type Output, right } from '../output.ts';
import { withRegistry } from './registry.ts';

/** Instead of a status: of a version that no event names. */
const UNNAMED = 'unpublished';

type Options = { readonly yes?: boolean; readonly keep?: number; readonly keepDays?: number };

export function collectCommand(): Command {
  return defineCommand<Options>({
    command: new Command('collect')
      .description('List old versions that can be removed, or archive them and remove their files.')
      .option('-y, --yes', 'archive and remove, instead of listing')
      .option(
        '--keep <n>',
        'newest versions of each role and status to keep (default: versions.keep)',
        wholeNumber(1, 1_000_000),
      )
      .option(
        '--keep-days <n>',
        'keep versions younger than this (default: versions.keepDays)',
        wholeNumber(0, 100_000),
      ),
    examples: [
      ['millrace versions collect', 'what would be removed'],
      ['millrace versions collect --yes --keep 3 --keep-days 1', 'removes them'],
    ],
    notes: `
Always kept: the version in force in each role, the one that a rollback returns to, and those that active runs start
from. The files of archived versions are removed; their events stay. An archived version is never promoted again.
Versions that were never published, because their run was cancelled, are removed after a day. A running start applies
the rule by itself.`,
    flags: ({ keep, keepDays }) => ({ 'versions.keep': keep, 'versions.keepDays': keepDays }),
    run: collectVersions,
  });
}

async function collectVersions(invocation: Invocation<Options>): Promise<number> {
  const { configuration, options, output } = invocation;
  if (options.yes !== true) {
    const found = await withShutdown(configuration, async (shutdown) =>
      find(await openExistingInstallation(configuration, shutdown)),
    );
    print(output, found, false);
    if (found.length > 0 && !output.json) output.line('Nothing was changed. Add --yes to remove them.');
    return EXIT.done;
  }
  const gone = await withRegistry(invocation, 'collect', async (installation, asking) => {
    const found = await find(installation);
    for (const each of found)
      await collect(each, { ...asking, files: installation.files, dataDirectory: configuration.data });
    return found;
  });
  print(output, gone, true);
  return EXIT.done;
}

function find({ log, topics, configuration, files }: Installation): Promise<readonly Collectable[]> {
  const source = { log, topics, dataDirectory: configuration.data, files, clock: systemClock };
  return collectable(configuration.versions, source);
}

function print(output: Output, found: readonly Collectable[], isDone: boolean): void {
  if (output.json) {
    for (const { version, latest, since: ts, bytes } of found) {
      const status = latest?.status ?? UNNAMED;
      output.value({ version, status, ts, archived: status === 'archived', bytes, removed: isDone });
    }
    return;
  }
  if (found.length === 0) {
    output.line('Nothing to collect.');
    return;
  }
  output.table(
    ['version', 'status', 'since', right('size'), ''],
    found.map(({ version, latest, since, bytes }) => [
      version,
      latest?.status ?? UNNAMED,
      moment(since),
      `${grouped(bytes / 1024)} KiB`,
      [
        latest === null || latest.status === 'archived' ? '' : 'archived, ',
        isDone ? 'removed' : 'to be removed',
      ].join(''),
    ]),
  );
}
