/** `millrace restore DIR`: a data directory from a backup, as it was at a time. */

import type { Command } from 'commander';
import { type Restored, restoreBackup } from '#backup';
import { unlessInterrupted, withShutdown } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { commandProgress, grouped, moment, type Output } from '../output.ts';
import { DECISIONS_TOPIC, placeToRead } from './place.ts';

type Options = { readonly at?: string };

export function restoreCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .argument('<place>', 'directory of the backup, or s3://BUCKET/PREFIX')
      .option(
        '--at <time>',
        'a time, such as 2026-11-24T12:00:00Z, or ms since the epoch (default: the newest)',
      ),
    examples: [
      ['millrace restore /mnt/backup --data new', 'the newest point, into the directory new'],
      [
        'millrace restore /mnt/backup --data new --at 2026-11-24T12:00:00Z',
        'the newest at or before that time',
      ],
    ],
    notes: `
The data directory must be empty or not exist. The restored files are compared with the backup before the directory
gets its name. Users who were erased after the point stay erased, and what users decided later (opt-out, opt-in)
holds. The files of the configuration are put into restored-configuration in it. Redis and other copies outside of the
data directory may be newer than what was restored: docs/BACKUP.md says what to do. Then: millrace verify, millrace
start.`,
    run: (invocation, [place = '']) => restore(invocation, place),
  });
}

async function restore(
  { configuration, options, output }: Invocation<Options>,
  place: string,
): Promise<number> {
  const at = options.at === undefined ? Number.POSITIVE_INFINITY : timeOf(options.at);
  return withShutdown(configuration, async (shutdown) => {
    const { signal } = shutdown;
    const progress = commandProgress(output, signal);
    const store = await placeToRead(place, configuration);
    let bar: ReturnType<typeof progress.start> | undefined;
    const onProgress = (bytes: number, total: number) => {
      bar ??= progress.start('Restoring', total);
      bar.update(bytes);
    };
    const work = restoreBackup({
      store,
      passphrase: configuration.backup.key,
      at,
      dataDirectory: configuration.data,
      decisionsTopic: DECISIONS_TOPIC,
      signal,
      onProgress,
    });
    shutdown.add('restore', async () => void (await work.catch(() => {})));
    const restored = await unlessInterrupted(work, signal);
    bar?.done();
    print(output, configuration.data, restored);
    return EXIT.done;
  });
}

function timeOf(text: string): number {
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isFinite(at)) return at;
  throw usageError(`${text} is no time.`, 'Write it as 2026-11-24T12:00:00Z, or in ms since the epoch.');
}

function print(output: Output, data: string, restored: Restored): void {
  if (output.json) {
    output.value({ data, ...restored });
    return;
  }
  const { at, records, files, users, forgotten, decisions, unread } = restored;
  output.line(`${data} is as it was at ${moment(at)} UTC, and equal to the backup:`);
  output.line(`${grouped(records)} records, ${grouped(files)} files, the keys of ${grouped(users)} users.`);
  if (forgotten > 0) output.line(`Left out: the keys of ${grouped(forgotten)} users who were erased later.`);
  if (decisions > 0) output.line(`Added: ${grouped(decisions)} later decisions of users.`);
  for (const problem of unread) output.line(`Erasures and decisions after that may be missing: ${problem}`);
  output.line('Next: millrace verify, then millrace start (with the same --data).');
}
