/** `millrace features show NAME`: what a view declares, and what it comes from and goes into. */

import { Command } from 'commander';
import { describeTopology } from '#engine';
import { versionedName } from '#features';
import { readSnapshots, readVersions } from '#offline';
import type { FeatureViewVersion } from '#schemas';
import { type Installation, withInstallation } from '#service';
import { type FeatureLineage, featureLineage, readViewVersions } from '#view-builds';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { moment, type Output } from '../output.ts';
import { declaredTopology } from '../processors/topology.ts';
import { type DeclaredView, viewNamed } from './view-names.ts';

const HOUR_MS = 3_600_000;

export function showCommand(): Command {
  return defineCommand({
    command: new Command('show')
      .description('Show the features of a view, where they come from, and who reads them.')
      .argument('<view>', 'a name that "millrace features" lists'),
    examples: [
      ['millrace features show item-features', 'in full'],
      ['millrace features show item-features --json | jq .lineage', 'topics, processors and store'],
    ],
    run: async (invocation, [name = '']) =>
      showView(invocation, await viewNamed(invocation.configuration, name)),
  });
}

type Shown = {
  readonly view: DeclaredView;
  readonly versions: readonly FeatureViewVersion[];
  readonly lineage: FeatureLineage;
  /** Trained versions that have read rows of this version of the view. */
  readonly models: readonly string[];
};

async function showView({ configuration, output }: Invocation<object>, view: DeclaredView): Promise<number> {
  return withInstallation(configuration, async (installation) => {
    const topology = describeTopology(await declaredTopology(configuration));
    const versions = [...(await readViewVersions(installation)).values()];
    const shown: Shown = {
      view,
      versions: versions.filter(({ name }) => name === view.name),
      lineage:
        'source' in view
          ? { topics: [view.source], processors: [], store: view.source }
          : (featureLineage(topology, versionedName(view)) ?? ownTopology(view)),
      models: await modelsReading(installation, view),
    };
    if (output.json) output.value(asJson(shown));
    else print(output, shown);
    return EXIT.done;
  });
}

async function modelsReading(
  installation: Installation,
  { name, version }: DeclaredView,
): Promise<readonly string[]> {
  const snapshots = await readSnapshots(installation);
  const reading = snapshots.filter(({ views }) =>
    views.some((each) => each.name === name && each.version === version),
  );
  const ids = new Set(reading.map(({ snapshot_id }) => snapshot_id));
  const trained = await readVersions(installation);
  return trained.filter(({ candidate }) => ids.has(candidate.snapshot_id)).map((each) => each.version);
}

function asJson({ view, versions, lineage, models }: Shown): object {
  const { name, version, entity, owner, description, tags, columns } = view;
  return { name, version, entity, owner, description, tags, features: columns, versions, lineage, models };
}

function print(output: Output, { view, versions, lineage, models }: Shown): void {
  const { name, version, entity, owner, description, tags, columns } = view;
  output.line(`${name} ${version}, of ${entity}. ${description}`);
  output.line(`Owner: ${owner}. Tags: ${tags.join(', ')}.`);
  if ('ttlMs' in view) output.line(`Rows hold ${view.ttlMs === null ? 'for ever' : hours(view.ttlMs)}.`);
  output.line();
  const ttls = 'featureTtlMs' in view ? view.featureTtlMs : {};
  output.table(
    ['feature', 'type', 'holds', 'meaning'],
    columns.map((column) => {
      const ttlMs = ttls[column.name];
      return [column.name, column.kind, ttlMs === undefined ? '' : hours(ttlMs), column.doc ?? ''];
    }),
  );
  output.line();
  output.line(`Topics:     ${lineage.topics.join(', ')}`);
  output.line(`Processors: ${lineage.processors.join(', ') || '-'}`);
  output.line(`Store:      ${lineage.store}`);
  output.line(`Models:     ${models.map((each) => each.slice(0, 12)).join(', ') || 'none yet'}`);
  for (const each of versions) {
    output.line(`Version ${each.version}:  ${each.status} since ${moment(each.ts)}`);
  }
}

function hours(ms: number): string {
  return ms % (24 * HOUR_MS) === 0 && ms > 24 * HOUR_MS ? `${ms / 24 / HOUR_MS} days` : `${ms / HOUR_MS} h`;
}

/** A view of a module has a topology of its own. */
function ownTopology(view: DeclaredView): FeatureLineage {
  return {
    topics: ['interactions-accepted'],
    processors: [view.name],
    store: `${view.name}/rows of view-${versionedName(view)}`,
  };
}
