/** What the commands over dead letters share: which letters are meant, and the topics that they need. */
import type { Command } from 'commander';
import type { LetterFilter, LettersEnvironment } from '#dead-letters';
import { type LogInstallation, openLogInstallation, requireData, withShutdown } from '#service';
import type { Configuration } from '#service/configuration';
import { leaveOutUndecodable, openTopic } from '#topologies';
import { usageError } from '../command.ts';

export type FilterOptions = {
  readonly reason?: string;
  readonly topic?: string;
  readonly since?: string;
  readonly until?: string;
};

export function filterOptions(command: Command): Command {
  return command
    .option('--reason <code>', 'only of this reason, such as MR_AVRO_DECODE')
    .option('--topic <topic>', 'only about records of this topic')
    .option('--since <time>', 'only about records of this time or later, such as 2026-01-30T12:00:00Z')
    .option('--until <time>', 'only about records before this time');
}

/** Errors: InputError MR_USAGE. */
export function filterOf(
  { reason, topic, since, until }: FilterOptions,
  ids: readonly string[],
): LetterFilter {
  const [sinceMs, untilMs] = [timeOf(since), timeOf(until)];
  if (sinceMs !== undefined && untilMs !== undefined && sinceMs >= untilMs)
    throw usageError('The time of --since is not before that of --until.', 'Exchange them.');
  return { reason, topic, sinceMs, untilMs, ...(ids.length > 0 && { ids: new Set(ids.map(idOf)) }) };
}

export function idOf(text: string): number {
  const id = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(id))
    throw usageError(`${text} is no id of a dead letter.`, 'See "millrace dead-letters list".');
  return id;
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw usageError(`${text} is no time.`, 'Write it as 2026-01-30T12:00:00Z.');
  return ms;
}

/** A log with the topics of dead letters, whatever else is on it. Errors: those of requireData and openLogInstallation. */
export function withLetters(
  configuration: Configuration,
  work: (environment: LogInstallation & LettersEnvironment) => Promise<number>,
): Promise<number> {
  requireData(configuration);
  return withShutdown(configuration, async (shutdown) => {
    const installation = await openLogInstallation(configuration, shutdown);
    const { log, registry } = installation;
    const leaveOut = leaveOutUndecodable(installation);
    const topics = {
      'dead-letters': await openTopic('dead-letters', log, registry, leaveOut),
      'dead-letter-outcomes': await openTopic('dead-letter-outcomes', log, registry, leaveOut),
      audit: await openTopic('audit', log, registry, leaveOut),
    };
    return work({ ...installation, topics });
  });
}
