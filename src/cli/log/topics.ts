/** `millrace topics`: what is on the log. */

import type { Command } from 'commander';
import { listedTopics } from '#processing';
import { withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { grouped, right } from '../output.ts';

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
    const topics = await listedTopics(log);
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
