import type { Topology } from '#engine';
import type { OpenedLog } from '#engine/log';
import { type Configuration, invariant } from '#platform';
import { loopTopology, openViewTopic, type Topics, viewTopology } from '#topologies';
import { versionedName } from './features/registry.ts';
import { viewsOfModules } from './features/view-modules.ts';

/** What a worker runs: the loop, or the one view of this name and version that a module declares. */
export type Runs = 'loop' | { readonly view: string };

export async function declaredTopology(
  runs: Runs,
  configuration: Pick<Configuration, 'admission' | 'gate' | 'features'>,
  { log, registry }: Pick<OpenedLog, 'log' | 'registry'>,
  topics: Topics,
  count: (outcome: string) => void,
): Promise<Topology> {
  if (runs === 'loop') {
    const { admission, gate } = configuration;
    return loopTopology(topics, registry, { admission: { ...admission, count }, gate });
  }
  const views = await viewsOfModules(configuration.features.modules);
  const view = views.find((each) => versionedName(each) === runs.view);
  invariant(view !== undefined, 'the modules declare the view that is to be run');
  return viewTopology(view, await openViewTopic(log, registry, view), topics);
}
