/** No file needs itself to be loaded: one of a circle finds the others half made. */
import { arrowsOf, doorsOf } from './modules.ts';
import type { Finding, Repository } from './repository.ts';

export function checkCircles(repository: Repository): readonly Finding[] {
  return circlesOf(repository, ({ kind }) => kind === 'value').map((circle) => ({
    path: circle[0] as string,
    line: 1,
    rule: 'circles',
    message: `files import each other at run time: ${[...circle, circle[0]].join(' -> ')}`,
  }));
}

/** Circles along the imports that count: one at least for each group of files that reach each other. */
export function circlesOf(
  repository: Repository,
  counts: (each: { readonly kind: 'type' | 'value' | 'call' }) => boolean,
): string[][] {
  const doors = doorsOf(repository);
  const imported = new Map(
    repository.files
      .filter(({ path }) => path.endsWith('.ts'))
      .map((file) => [
        file.path,
        arrowsOf(file, doors)
          .filter(counts)
          .map(({ to }) => to),
      ]),
  );
  const circles: string[][] = [];
  const done = new Set<string>();
  const follow = (path: string, way: string[]): void => {
    if (done.has(path)) return;
    const at = way.indexOf(path);
    if (at >= 0) {
      circles.push(way.slice(at));
      return;
    }
    way.push(path);
    for (const next of imported.get(path) ?? []) follow(next, way);
    way.pop();
    done.add(path);
  };
  for (const path of imported.keys()) follow(path, []);
  return circles;
}
