/**
 * A bare `$name` in a template literal is text: braces lost in an edit show in a message that no test reads. Only names that the
 * file's code has are found: parameters of SQL and variables of shells are meant.
 */
import { type Finding, lineAt, type Repository } from './repository.ts';
import { literalsOf, withoutStrings } from './source.ts';

const BARE = /(?<![\\$])\$([A-Za-z_]\w*)/g;
const NAME = /(?<![\w$])[A-Za-z_]\w*/g;

export function checkTemplates(repository: Repository): readonly Finding[] {
  return repository.files
    .filter(({ path }) => path.endsWith('.ts'))
    .flatMap(({ path, text }) => bareNames(text).map((found) => ({ path, rule: 'templates', ...found })));
}

function bareNames(text: string): readonly Pick<Finding, 'line' | 'message'>[] {
  const found = literalsOf(text)
    .filter(({ literal }) => literal.startsWith('`'))
    .flatMap(({ literal, index }) =>
      Array.from(literal.matchAll(BARE), ({ 1: name, index: within }) => ({ name, index: index + within })),
    );
  if (found.length === 0) return [];
  const names = new Set(Array.from(withoutStrings(text).matchAll(NAME), ([name]) => name));
  return found
    .filter(({ name = '' }) => names.has(name))
    .map(({ name, index }) => ({
      line: lineAt(text, index),
      message: `$${name} is text: write \${${name}}`,
    }));
}
