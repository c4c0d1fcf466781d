/** `millrace backups DIR`: the points that can be restored. */
import type { Command } from 'commander';
import { type BackupPoint, backupPoints } from '#backup';
import { withShutdown } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { grouped, moment, right } from '../output.ts';
import { placeToRead } from './place.ts';

type Options = { readonly verify?: boolean };

export function backupsCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .argument('<place>', 'directory of the backup, or s3://BUCKET/PREFIX')
      .option('--verify', 'check every object against its checksum'),
    examples: [
      ['millrace backups /mnt/backup', 'the points, oldest first'],
      ['millrace backups /mnt/backup --verify', 'and whether each is whole'],
    ],
    notes: `
A point needs all earlier ones of its generation, which begins with a base. Exit code 1 if any is damaged: the message
names the object, and earlier points can still be restored.`,
    run: (invocation, [place = '']) => backups(invocation, place),
  });
}

async function backups(
  { configuration, options, output }: Invocation<Options>,
  place: string,
): Promise<number> {
  return withShutdown(configuration, async (shutdown) => {
    const store = await placeToRead(place, configuration);
    const points = await backupPoints(store, {
      passphrase: configuration.backup.key,
      isThorough: options.verify === true,
      signal: shutdown.signal,
    });
    output.list(points, ['time (UTC)', 'kind', right('KB'), 'problem'], rowOf, (point) => ({
      ...point,
      problem: point.problem ?? null,
    }));
    return points.every(({ problem }) => problem === undefined) ? EXIT.done : EXIT.failed;
  });
}

function rowOf({ at, isBase, bytes, problem }: BackupPoint): readonly string[] {
  return [moment(at), isBase ? 'base' : 'more', grouped(bytes / 1_000), problem ?? ''];
}
