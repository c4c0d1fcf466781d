/** The topology that a command names: `loop`, a view of features.modules, or a module. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Topology } from '#engine';
import { versionedName } from '#features';
import { declaredTopology, openTopologyOfModule, type Runs, viewsOfModules } from '#processing';
import type { LogInstallation } from '#service';
import { openTopics } from '#topologies';
import { usageError } from '../command.ts';

export type NamedTopology = { readonly runs: Runs; readonly topology: Topology };

/** `directory`: what the paths of modules are relative to. Errors: MR_USAGE; those of openTopologyOfModule. */
export async function namedTopology(
  name: string,
  installation: LogInstallation,
  directory = '.',
): Promise<NamedTopology> {
  const { log, registry, configuration } = installation;
  const path = resolve(directory, name);
  if (name !== 'loop' && existsSync(path))
    return { runs: { module: path }, topology: await openTopologyOfModule(path, installation) };
  const runs = name === 'loop' ? 'loop' : { view: name };
  if (runs !== 'loop') {
    const views = (await viewsOfModules(configuration.features.modules)).map(versionedName);
    if (!views.includes(name))
      throw usageError(
        `There is no topology ${name}.`,
        `Choose from ${['loop', ...views].join(', ')}, or name a module that exists.`,
      );
  }
  const topics = () => openTopics(log, registry);
  const { topology } = await declaredTopology(runs, configuration, { log, registry }, topics, () => {});
  return { runs, topology };
}
