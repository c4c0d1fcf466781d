/** Imports between rooms go down, and through the door. */
import { doorsOf, roomOf, targetOf } from './modules.ts';
import { type Finding, isForTests, type Repository, type SourceFile } from './repository.ts';
import { type Import, importsOf } from './source.ts';

/** Lowest floor first; rooms of one floor do not know each other. */
const floors: readonly (readonly string[])[] = [
  ['platform', 'client'],
  ['avro', 'storage'],
  ['log'],
  ['engine'],
  ['schemas'],
  ['models', 'privacy'],
  ['features'],
  ['processors'],
  ['topologies'],
  ['offline', 'audit'],
  ['processing', 'jobs'],
  ['view-builds', 'replays'],
  [
    'gateway',
    'trainer',
    'responders',
    'simulator',
    'versions',
    'log-copy',
    'imports',
    'dead-letters',
    'backup',
  ],
  ['erasure', 'notifications', 'access'],
  ['service'],
  ['cli'],
];

export function checkRooms(repository: Repository): readonly Finding[] {
  const doors = doorsOf(repository);
  return repository.files
    .filter(({ path }) => path.endsWith('.ts'))
    .flatMap((file) => {
      const unknown = roomOf(file.path) !== undefined && floorOf(roomOf(file.path) ?? '') === -1;
      if (unknown) return [{ path: file.path, line: 1, rule: 'rooms', message: 'this folder is no room' }];
      return importsOf(file).flatMap((each) => {
        const message = judge(file, each, doors);
        return message === undefined ? [] : [{ path: file.path, line: each.line, rule: 'rooms', message }];
      });
    });
}

function judge(
  file: SourceFile,
  { specifier }: Import,
  doors: ReadonlyMap<string, string>,
): string | undefined {
  const from = roomOf(file.path);
  if (specifier.startsWith('.')) {
    const target = targetOf(file.path, specifier, doors) ?? '';
    const to = roomOf(target);
    if (to === undefined && from !== undefined && target.startsWith('tools/')) {
      return `${specifier}: the product does without tools; tests import #servers`;
    }
    if (to === undefined || to === from) return undefined;
    return `${specifier} reaches past the door of ${to}: import #${to}`;
  }
  if (!specifier.startsWith('#')) return undefined;
  const target = doors.get(specifier);
  if (target === undefined) return `${specifier} is no door of package.json`;
  if (from === undefined) return undefined;
  const to = roomOf(target);
  if (to === undefined) return isForTests(file.path) ? undefined : `${specifier} is for tests`;
  if (to === from) {
    return isForTests(file.path)
      ? undefined
      : `inside ${to}, files import each other directly, not ${specifier}`;
  }
  // A test may set its room to work with what stands above it.
  if (floorOf(to) < floorOf(from) || file.path.endsWith('.test.ts')) return undefined;
  const side = floorOf(to) === floorOf(from) ? 'beside' : 'above';
  return `${from} imports ${specifier}, a room ${side} it: imports go down only`;
}

function floorOf(room: string): number {
  return floors.findIndex((rooms) => rooms.includes(room));
}
