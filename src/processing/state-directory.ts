import { join } from 'node:path';
import type { Topology } from '#engine';

/** Where the stores of a topology lie, apart from those of any other: a directory for each task. */
export function stateDirectoryOf(
  { name, generation }: Pick<Topology, 'name' | 'generation'>,
  stateDirectory: string,
): string {
  return join(stateDirectory, `${name}-${generation}`);
}
