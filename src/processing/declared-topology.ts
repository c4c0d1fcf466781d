import type { Topology } from '#engine';
import { type AnyView, featureViews, versionedName } from '#features';
import type { OpenedLog, SchemaRegistry } from '#log';
import { invariant } from '#platform';
import { isPseudonym } from '#privacy';
import { finishedRowsTopic, loopTopology, openViewTopic, type Topics, viewTopology } from '#topologies';
import type { ProcessingConfiguration } from './options.ts';
import { viewsOfModules } from './view-modules.ts';

/** What a worker runs: the loop, or the one view of this name and version that a module declares. */
export type Runs = 'loop' | { readonly view: string };

/** The loop as the configuration wants it; `count` is told what becomes of events. */
export function declaredLoop(
  topics: Topics,
  registry: SchemaRegistry,
  { admission, gate, versions, examples, features, privacy }: ProcessingConfiguration,
  count: (outcome: string) => void = () => {},
): Promise<Topology> {
  const { gates: minimum, production, promotion } = versions;
  return loopTopology(topics, registry, {
    admission: { ...admission, ...(privacy.userIds === 'pseudonyms' && { isUserName: isPseudonym }), count },
    gate: { ...gate, minimum, production, promotion },
    examples,
    featureTtlMs: features.ttlMs,
    publishRows: features.publishRows === 'on',
  });
}

/** What a worker is to run. */
export async function declaredTopology(
  runs: Runs,
  configuration: ProcessingConfiguration,
  { log, registry }: Pick<OpenedLog, 'log' | 'registry'>,
  topics: Topics,
  count: (outcome: string) => void,
): Promise<Topology> {
  const { modules } = configuration.features;
  const publishRows = configuration.features.publishRows === 'on';
  const openRows = async (view: AnyView) => {
    const rows = await finishedRowsTopic(registry, view);
    await log.createTopics([rows]);
    return rows;
  };
  if (runs === 'loop') {
    if (publishRows) await Promise.all(featureViews.map(openRows));
    return declaredLoop(topics, registry, configuration, count);
  }
  const views = await viewsOfModules(modules);
  const view = views.find((each) => versionedName(each) === runs.view);
  invariant(view !== undefined, 'the modules declare the view that is to be run');
  const rows = publishRows ? await openRows(view) : undefined;
  return viewTopology(view, await openViewTopic(log, registry, view), topics, rows);
}
