/** Inside a room imports go down as well: each folder has its place in an order. */
import { arrowsOf, doorsOf, roomOf } from './modules.ts';
import { type Finding, isForTests, type Repository } from './repository.ts';

/**
 * By room, the lowest first: folders with all below them, and files that stand elsewhere than their folder does; '.' is
 * every other file of the room's own folder, '*' every other folder, such as a new model. Parts of one line may import
 * each other.
 */
export const ORDER: Readonly<Record<string, readonly (readonly string[])[]>> = {
  engine: [
    ['serde.ts'],
    ['time'],
    ['store'],
    ['operators/record.ts', 'operators/record-checks.ts'],
    ['topology'],
    ['operators'],
    ['.'],
    ['task/failpoints.ts'],
    ['task/assignment'],
    ['task/commit'],
    ['task/input'],
    ['task/restore'],
    ['task/global'],
    ['task/status'],
    ['task'],
    ['queries'],
    ['task/threads'],
    ['verify'],
    ['index.ts'],
  ],
  models: [
    ['random.ts', 'top-k.ts', 'checkpoint.ts'],
    ['index'],
    ['linear-algebra'],
    ['graph'],
    ['optimise'],
    ['evaluation'],
    ['explanation'],
    ['implicit/port.ts', 'two-tower/data.ts', 'two-tower/title.ts'],
    ['artifact'],
    ['text-encoder'],
    ['serving'],
    ['external/manifest-fields.ts', 'external/manifest.ts', 'trees/ensemble.ts'],
    ['.', 'ranking', 'serving/item-scorer.ts'],
    ['parallel'],
    ['external'],
    ['implicit'],
    ['ease'],
    ['ials'],
    ['item-knn'],
    ['two-tower'],
    ['sequential'],
    ['*'],
    ['catalogue.ts'],
    ['model-modules.ts', 'options.ts', 'open-ranker.ts'],
    ['index.ts'],
  ],
  trainer: [
    ['.'],
    ['retrieval'],
    ['ranking'],
    ['judge-version.ts', 'options.ts'],
    ['indexing'],
    ['runs'],
    ['jobs'],
    ['thread'],
    ['pipeline'],
    ['trainer-loop.ts'],
    ['trainer.ts', 'index.ts'],
  ],
};

export function checkOrder(repository: Repository): readonly Finding[] {
  const doors = doorsOf(repository);
  return repository.files
    .filter(({ path }) => path.endsWith('.ts') && !isForTests(path) && !path.includes('/fixtures/'))
    .flatMap((file): Finding[] => {
      const room = roomOf(file.path) ?? '';
      if (ORDER[room] === undefined) return [];
      const from = placeOf(file.path, room);
      const finding = (line: number, message: string) => ({ path: file.path, line, rule: 'order', message });
      if (from === undefined) return [finding(1, `it has no place in the order of ${room}`)];
      return arrowsOf(file, doors).flatMap(({ to, line }) => {
        const place = roomOf(to) === room ? placeOf(to, room) : undefined;
        if (place === undefined || place.level <= from.level) return [];
        return [finding(line, `${from.part} imports ${to}, which stands above it: imports go down only`)];
      });
    });
}

/** Where a file stands: by the entry that says most of its path. */
function placeOf(path: string, room: string): { readonly level: number; readonly part: string } | undefined {
  const within = path.slice(path.indexOf(`${room}/`) + room.length + 1);
  const folder = within.includes('/') ? within : './';
  const parts = (ORDER[room] ?? []).flatMap((level, i) => level.map((part) => ({ level: i, part })));
  return (
    parts
      .filter(({ part }) => within === part || folder.startsWith(`${part}/`))
      .sort((a, b) => b.part.length - a.part.length)[0] ?? parts.find(({ part }) => part === '*')
  );
}
