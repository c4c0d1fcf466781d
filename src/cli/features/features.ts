/** `millrace features`: the feature views, where their rows come from, and what is in them. */

import type { Command } from 'commander';
import { versionedName } from '#features';
import type { FeatureViewStatus } from '#schemas';
import { type Installation, withInstallation } from '#service';
import { openViewTopic, type Topics } from '#topologies';
import {
  buildProgress,
  readViewVersions,
  topicStatistics,
  type ViewStatistics,
  viewStatistics,
} from '#view-builds';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { grouped, moment, right } from '../output.ts';
import { dropCommand } from './features-drop.ts';
import { getCommand } from './features-get.ts';
import { historyCommand } from './features-history.ts';
import { showCommand } from './features-show.ts';
import { type DeclaredView, declaredViews } from './view-names.ts';

export function featuresCommand(command: Command): Command {
  return defineCommand({
    command,
    examples: [
      ['millrace features', 'a table'],
      ['millrace features show user-features', 'its features, and where they come from'],
      ['millrace features history user 42', 'the events of a user, and what each changed'],
    ],
    notes: `
size: encoded keys and states. as of: the event time up to which the rows are complete.
digest: over all rows; the same events produce the same digest, in whatever order and batches they were processed.`,
    run: (invocation) => listFeatures(invocation),
  })
    .enablePositionalOptions()
    .addCommand(showCommand())
    .addCommand(getCommand())
    .addCommand(historyCommand())
    .addCommand(dropCommand());
}

async function listFeatures({ configuration, output }: Invocation<object>): Promise<number> {
  return withInstallation(configuration, async (installation) => {
    const versions = await readViewVersions(installation);
    const rows = [];
    for (const view of await declaredViews(configuration)) {
      const { name, version, entity, owner, description, tags } = view;
      const status = await statusOf(installation, view, versions.get(versionedName(view))?.status);
      const statistics = await statisticsOf(installation, view);
      rows.push({ name, version, entity, owner, description, tags, status, ...statistics });
    }
    output.list(rows, COLUMNS, cellsOf, (row) => {
      return { ...row, watermark: Number.isFinite(row.watermark) ? row.watermark : null };
    });
    return EXIT.done;
  });
}

/** A view that is being built says how far it is. */
async function statusOf(
  { log }: Installation,
  view: DeclaredView,
  status: FeatureViewStatus | undefined,
): Promise<string> {
  if ('source' in view) return 'live';
  if (status !== 'building') return status ?? 'declared';
  return `building, ${Math.floor(100 * (await buildProgress(log, view)))}%`;
}

async function statisticsOf(installation: Installation, view: DeclaredView): Promise<ViewStatistics> {
  const { log, topics, registry } = installation;
  if ('source' in view) return topicStatistics<unknown>(log, topics[view.source] as Topics['users']);
  const { onUndecodable } = topics['feature-views'];
  return viewStatistics(log, await openViewTopic(log, registry, view, onUndecodable), view);
}

type Row = ViewStatistics & Pick<DeclaredView, 'name' | 'version' | 'entity' | 'owner'> & { status: string };

const COLUMNS = [
  ...['view', right('version'), 'of', 'owner', 'status'],
  ...[right('rows'), right('size'), 'as of', 'digest'],
];

function cellsOf({ name, version, entity, owner, status, ...row }: Row): string[] {
  const size = `${grouped(row.bytes / 1024)} KiB`;
  const asOf = Number.isFinite(row.watermark) ? moment(row.watermark) : '-';
  const digest = row.digest.slice(0, 12);
  return [name, String(version), entity, owner, status, grouped(row.rows), size, asOf, digest];
}
