/** `millrace reindex`: an index of the whole catalogue for the version in force. */

import type { Command } from 'commander';
import { FatalError, systemClock } from '#platform';
import type { IndexBuild } from '#schemas';
import type { Installation } from '#service';
import { startTrainer } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { figure, grouped, type Output } from '../output.ts';
import { aloneOrBesideStart } from './alone-or-beside-start.ts';
import { followCommand } from './follow-training.ts';

export function reindexCommand(command: Command): Command {
  return defineCommand({
    command,
    examples: [
      ['millrace reindex', 'items, the lists that a search looks at, and what it finds with them'],
      ['millrace reindex --json', 'as topic indexes has it'],
    ],
    notes: `
New and changed items are in the index within seconds of their record on topic items. This rebuilds the index from the whole
catalogue, as training.reindex does once a day, and responders switch to it. While "millrace start" runs on
the data directory, it does the work: this command requests it and waits. It needs a version whose model embeds items from
their features, such as two-tower; other models index new items at the next training.`,
    run: reindex,
  });
}

async function reindex(invocation: Invocation<object>): Promise<number> {
  const built = await aloneOrBesideStart(invocation, 'reindex', {
    does: 'builds it',
    beside: builtByStart,
    alone: async ({ installation, progress, shutdown }) => {
      const { trainer, failed } = await startTrainer(installation, progress, shutdown, { isAlone: true });
      return Promise.race([trainer.reindex(shutdown.signal), failed]);
    },
  });
  print(invocation.output, built);
  return EXIT.done;
}

/** Errors: FatalError MR_TRAINER_STOPPED when the start ends before, MR_REINDEX_FAILED when nothing could be built. */
function builtByStart(installation: Installation, signal: AbortSignal): Promise<IndexBuild> {
  return followCommand(
    installation,
    { ts: systemClock.now(), kind: 'reindex' },
    {
      topic: installation.topics.indexes,
      take: (builds, commandId) => builds.find(({ command_id }) => command_id === commandId),
      refused: ({ reason, message }) =>
        new FatalError(
          'MR_REINDEX_FAILED',
          `The running start could not build the index: ${reason}: ${message}`,
          {
            hint: 'See millrace events tail dead-letters -n 1.',
          },
        ),
      stopped: () =>
        new FatalError('MR_TRAINER_STOPPED', 'The running start ended before the index was built.', {
          hint: 'Restart it: it then builds the index.',
        }),
      signal,
    },
  );
}

function print(output: Output, build: IndexBuild): void {
  if (output.json) {
    output.value(build);
    return;
  }
  const { index, version, items, probes, recall } = build;
  const how =
    probes === null ? 'exact' : `${probes} lists a search, recall@100 ${figure(recall ?? undefined)}`;
  output.line(`index ${index} of version ${version}: ${grouped(items)} items, ${how}`);
}
