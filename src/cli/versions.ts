/** `millrace versions`: what has been trained, and what became of it. */
import { Command } from 'commander';
import { TopicReader } from '#engine';
import { createLogger } from '#platform';
import type { Version } from '#schemas';
import { defineCommand, EXIT, type Invocation } from './command.ts';
import { type Installation, openExistingInstallation } from './installation.ts';
import { withShutdown } from './interruption.ts';

export function versionsCommand(): Command {
  return defineCommand({
    command: new Command('versions').description(
      'List the trained versions, oldest first, with their quality.',
    ),
    examples: [
      ['millrace versions', 'a table; * is the version that answers'],
      ['millrace versions --json | tail -n 1', 'the newest one in full'],
    ],
    run: (invocation) => listVersions(invocation),
  });
}

async function listVersions({ configuration, output }: Invocation<object>): Promise<number> {
  const logger = createLogger({ level: configuration.logging.level, name: 'versions' });
  return withShutdown(logger, async (shutdown) => {
    const versions = await readVersions(await openExistingInstallation(configuration, shutdown));
    const serving = servingVersion(versions)?.version;
    if (output.json) {
      for (const { version, status, ts, reason, candidate } of versions) {
        const { metrics, popularity, decayed_popularity: decayedPopularity, ...rest } = candidate;
        const serves = version === serving;
        output.value({
          ...rest,
          version,
          status,
          serving: serves,
          ts,
          reason,
          model: metrics,
          popularity,
          decayedPopularity,
          kind: rest.model,
        });
      }
    } else if (versions.length === 0) output.line('No version yet: "millrace train" makes one.');
    else
      output.table(
        columns,
        versions.map((version) => row(version, version.version === serving)),
      );
    return EXIT.done;
  });
}

const columns = [
  { title: ' version' },
  { title: 'status' },
  { title: 'decided' },
  { title: 'recall@10', align: 'right' },
  { title: 'ndcg@10', align: 'right' },
  { title: 'best popularity', align: 'right' },
] as const;

function row({ version, status, ts, candidate }: Version, serves: boolean): string[] {
  const { metrics, popularity, decayed_popularity: decayed } = candidate;
  const best = (metric: string) => Math.max(popularity[metric] ?? 0, decayed[metric] ?? 0);
  return [
    `${serves ? '*' : ' '}${version.slice(0, 12)}`,
    status,
    new Date(ts).toISOString().slice(0, 19).replace('T', ' '),
    figure(metrics['recall@10']),
    figure(metrics['ndcg@10']),
    `${figure(best('recall@10'))} ${figure(best('ndcg@10'))}`,
  ];
}

export function figure(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(4);
}

/** The last step of each version, in order of their first. */
export async function readVersions({ log, topics }: Installation): Promise<readonly Version[]> {
  const reader = await TopicReader.open(log, topics.versions, { from: 'start' });
  const latest = new Map<string, Version>();
  for await (const records of reader.untilEnd()) {
    for (const { key, value } of records) if (value !== null) latest.set(key, value);
  }
  await reader.close();
  return [...latest.values()];
}

/** The version that answers: the one promoted last. */
export function servingVersion(versions: readonly Version[]): Version | undefined {
  const promoted = versions.filter(({ status }) => status === 'promoted');
  return promoted.reduce<Version | undefined>(
    (newest, each) => (newest === undefined || each.ts >= newest.ts ? each : newest),
    undefined,
  );
}
