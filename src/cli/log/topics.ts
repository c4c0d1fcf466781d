/** `millrace topics`: what is on the log. */

import type { Command } from 'commander';
import type { Cleanup } from '#log';
import { loopLag } from '#processing';
import { withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { grouped, right } from '../output.ts';

const DAY_MS = 86_400_000;

export function topicsCommand(command: Command): Command {
  return defineCommand({
    command,
    examples: [
      ['millrace topics', 'a table'],
      ['millrace topics --json | jq -r "select(.lag > 0) | .topic"', 'what has not been processed yet'],
    ],
    notes: `
records: offsets from the first to the last readable one; a compacted topic may hold fewer.
lag: records that the processors have not committed yet; "-" if they do not read the topic.
Topics named loop-... belong to the processors: changelogs and repartition topics.`,
    run: (invocation) => listTopics(invocation),
  });
}

async function listTopics({ configuration, output }: Invocation<object>): Promise<number> {
  return withInstallation(configuration, async ({ log }) => {
    const lags = new Map((await loopLag(log)).map(({ topic, lag }) => [topic, lag]));
    const topics = (await log.describeTopics()).map(({ name, cleanup, offsets }) => ({
      topic: name,
      partitions: offsets.length,
      records: offsets.reduce((sum, { start, stable }) => sum + stable - start, 0),
      retention: retention(cleanup),
      lag: lags.get(name) ?? null,
    }));
    topics.sort((a, b) => Number(isInternal(a)) - Number(isInternal(b)) || (a.topic < b.topic ? -1 : 1));
    output.list(
      topics,
      ['topic', right('partitions'), right('records'), 'retention', right('lag')],
      ({ topic, partitions, records, retention, lag }) => {
        return [topic, String(partitions), grouped(records), retention, lag === null ? '-' : grouped(lag)];
      },
    );
    return EXIT.done;
  });
}

function isInternal({ topic }: { topic: string }): boolean {
  return topic.startsWith('loop-');
}

function retention(cleanup: Cleanup): string {
  if (cleanup.policy === 'compact') return 'compacted';
  if (cleanup.retentionMs === null) return 'for ever';
  return `${Math.round(cleanup.retentionMs / DAY_MS)} days`;
}
