/** A run-time dependency is imported in one room only, so that it can be replaced there. */
import { isBuiltin } from 'node:module';
import { roomOf } from './modules.ts';
import { type Finding, isForTests, type Repository } from './repository.ts';
import { importsOf } from './source.ts';

/** Two SQLite users in one process share its locks, so where it is used is a decision. */
const sqliteUsers = /^src\/(log\/embedded\/|platform\/(directory-lock|sqlite-integrity)|privacy\/vault\/)/;

export function checkDependencies(repository: Repository): readonly Finding[] {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(repository.text('package.json') ?? '{}') as {
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
  };
  const findings: Finding[] = [];
  const firstUser = new Map<string, string>();

  for (const file of repository.files) {
    const room = roomOf(file.path);
    if (room === undefined || !file.path.endsWith('.ts')) continue;
    const find = (line: number, message: string) => {
      findings.push({ path: file.path, line, rule: 'dependencies', message });
    };
    for (const { specifier, line } of importsOf(file)) {
      if (specifier === 'node:sqlite' && !sqliteUsers.test(file.path)) {
        find(line, 'node:sqlite is for the embedded log, the directory lock and the vault only');
      }
      if (/^[.#]/.test(specifier) || isBuiltin(specifier)) continue;
      const name = packageOf(specifier);
      if (Object.hasOwn(dependencies, name)) {
        const first: string = firstUser.get(name) ?? room;
        firstUser.set(name, first);
        if (first !== room) find(line, `${name} is imported in ${first} and in ${room}`);
      } else if (!Object.hasOwn(devDependencies, name)) find(line, `${name} is not in package.json`);
      else if (!isForTests(file.path)) find(line, `${name} is a development dependency`);
    }
  }
  return findings;
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
