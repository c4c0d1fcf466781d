import type { Topology } from '#engine';
import { type AnyView, featureViews, versionedName } from '#features';
import type { OpenedLog, SchemaRegistry } from '#log';
import { invariant } from '#platform';
import { isPseudonym } from '#privacy';
import { finishedRowsTopic, loopTopology, openViewTopic, type Topics, viewTopology } from '#topologies';
import type { ProcessingConfiguration } from './options.ts';
import { type Declared, topologyOfModule } from './own-topology.ts';
import { viewsOfModules } from './view-modules.ts';

/**
 * What a worker runs: the loop, the one view of this name and version that a module declares, or the topology of the
 * module at a path.
 */
export type Runs = 'loop' | { readonly view: string } | { readonly module: string };

/** Whether it is a topology of the user's own, which needs nothing of the product's. */
export const isOwn = (runs: Runs): runs is { readonly module: string } =>
  typeof runs === 'object' && 'module' in runs;

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
  topics: () => Promise<Topics>,
  count: (outcome: string) => void,
): Promise<Declared> {
  if (isOwn(runs)) return topologyOfModule(runs.module, { log, registry });
  const { modules } = configuration.features;
  const publishRows = configuration.features.publishRows === 'on';
  const openRows = async (view: AnyView) => {
    const rows = await finishedRowsTopic(registry, view);
    await log.createTopics([rows]);
    return rows;
  };
  if (runs === 'loop') {
    if (publishRows) await Promise.all(featureViews.map(openRows));
    return { topology: await declaredLoop(await topics(), registry, configuration, count) };
  }
  const views = await viewsOfModules(modules);
  const view = views.find((each) => versionedName(each) === runs.view);
  invariant(view !== undefined, 'the modules declare the view that is to be run');
  const rows = publishRows ? await openRows(view) : undefined;
  const topic = await openViewTopic(log, registry, view);
  return { topology: await viewTopology(view, topic, await topics(), rows) };
}
