/** `millrace copy --from LOG --to LOG`: from the embedded log to Kafka, and back. */

import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { JOBS_GROUP } from '#jobs';
import { type OpenedLog, openLog } from '#log';
import { type CopiedPartition, type CopyProgress, copyTopics, isEqual } from '#log-copy';
import { CHANNEL_GROUPS } from '#notifications';
import { createLogger, lockDirectory, type ProgressStep, type Shutdown, systemClock } from '#platform';
import { GROUPS } from '#processing';
import { logDirectory, requireData, withoutUser, withShutdown } from '#service';
import type { Configuration } from '#service/configuration';
import { refuseContradictions } from '#service/configuration';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { commandProgress, grouped, notice, type Output, right } from '../output.ts';

type CopyCommandOptions = {
  readonly from: string;
  readonly to: string;
  readonly topic?: readonly string[];
};

/** What the data directory keeps of a log beside it. */
const RECORDS = ['world.json', 'imports'];

export function copyCommand(command: Command): Command {
  return defineCommand<CopyCommandOptions>({
    command: command
      .requiredOption('--from <log>', '"embedded", "kafka" (the one configured) or kafka://...')
      .requiredOption('--to <log>', 'the same')
      .option('--topic <name>', 'copy only this topic; repeatable', (name, before: string[] = []) => [
        ...before,
        name,
      ]),
    examples: [
      ['millrace copy --from embedded --to kafka', 'to the log that the configuration names'],
      ['millrace copy --from kafka --to embedded --data new', 'and back'],
      ['millrace copy --from embedded --to kafka://host --topic items', 'one topic'],
    ],
    notes: `
Keys, timestamps, headers and the order within each partition are preserved; offsets may differ. Avro values get the
schema ids of the target's registry. A copy of all topics includes the processors' offsets, so that they continue
where they were, and their journals with the target's offsets, so that "millrace verify" proves there what was
processed here. A journal that is copied with --topic before its inputs proves nothing. The same command resumes an
interrupted copy. Nobody may write to the target meanwhile, and "millrace start" may not run on this data directory.
Versions and snapshots are in the data directory: to use another one afterwards, copy "versions" and "snapshots" as
well. Exit code 1 if the two sides differ.`,
    run: copy,
  });
}

async function copy({ options, configuration, output }: Invocation<CopyCommandOptions>): Promise<number> {
  const [from, to] = [chosen(configuration, options.from), chosen(configuration, options.to)];
  if (from.log === to.log)
    throw usageError('Both sides are the same log.', 'Choose two different logs for --from and --to.');
  requireData(from);
  return withShutdown(configuration, async (shutdown) => {
    const lock = lockDirectory(configuration.data, 'copy');
    shutdown.add('data directory', async () => lock.release());
    const source = await opened(from, shutdown);
    const target = await opened(to, shutdown);
    const copied = await copyWithBars({ options, output }, { from, to, source, target }, shutdown);
    print(output, copied);
    if (!copied.every(isEqual)) return EXIT.failed;
    if (options.topic === undefined) {
      await takeRecordsAlong(logDirectory(from, source.identity), logDirectory(to, target.identity));
      if (to.log !== configuration.log)
        notice(output, `Next: the same commands with --set log=${withoutUser(to.log)}`);
    }
    return EXIT.done;
  });
}

/** The configuration of one side. ConfigurationError MR_CONFIG_CONTRADICTION where it has no registry. */
function chosen(configuration: Configuration, name: string): Configuration {
  if (name === 'embedded') return { ...configuration, log: name, registry: name };
  const log = name === 'kafka' ? configuration.log : name;
  if (!log.startsWith('kafka://')) {
    throw usageError(
      name === 'kafka' ? 'The configuration names no log on Kafka.' : `${withoutUser(name)} is not a log.`,
      'Use "embedded" or an address such as kafka://host:9092.',
    );
  }
  const side = { ...configuration, log };
  refuseContradictions(side);
  return side;
}

async function opened(configuration: Configuration, shutdown: Shutdown): Promise<OpenedLog> {
  const logger = createLogger({ level: configuration.logging.level, name: 'copy' });
  const log = await openLog(configuration, { clock: systemClock, random: Math.random, logger });
  shutdown.add('log', () => log.close());
  return log;
}

type Sides = {
  readonly from: Configuration;
  readonly to: Configuration;
  readonly source: OpenedLog;
  readonly target: OpenedLog;
};

async function copyWithBars(
  { options, output }: Pick<Invocation<CopyCommandOptions>, 'options' | 'output'>,
  { from, to, source, target }: Sides,
  shutdown: Shutdown,
): Promise<readonly CopiedPartition[]> {
  const { signal } = shutdown;
  const progress = commandProgress(output, signal);
  const labels = { copy: 'Copying', verify: 'Comparing' } as const;
  const bars = new Map<CopyProgress['step'], ProgressStep>();
  const onProgress = ({ step, done, total, topic }: CopyProgress) => {
    let bar = bars.get(step);
    if (bar === undefined) {
      for (const each of bars.values()) each.done();
      bar = progress.start(labels[step], total);
      bars.set(step, bar);
    }
    bar.update(done, topic);
  };
  const work = copyTopics({
    from: { ...source, name: withoutUser(from.log) },
    to: { ...target, name: withoutUser(to.log) },
    ...(options.topic && { topics: options.topic }),
    groups: [...GROUPS, JOBS_GROUP, ...CHANNEL_GROUPS],
    clock: systemClock,
    signal,
    onProgress,
  });
  shutdown.add('copy', async () => void (await work.catch(() => {})));
  const copied = await work;
  for (const bar of bars.values()) bar.done();
  return copied;
}

function print(output: Output, copied: readonly CopiedPartition[]): void {
  output.list(
    copied,
    ['topic', right('partition'), right('copied'), right('records'), 'digest', 'result'],
    (each) => [
      each.topic,
      String(each.partition),
      grouped(each.copied),
      grouped(each.source.records),
      each.source.digest.slice(0, 16),
      isEqual(each)
        ? 'equal'
        : `different: ${grouped(each.target.records)} records, ${each.target.digest.slice(0, 16)}`,
    ],
    (each) => ({ ...each, equal: isEqual(each) }),
  );
}

/** Which world it is and what was imported; state is recreated from the changelogs. */
async function takeRecordsAlong(from: string, to: string): Promise<void> {
  await rm(join(to, 'state'), { recursive: true, force: true });
  for (const name of RECORDS) {
    await cp(join(from, name), join(to, name), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}
