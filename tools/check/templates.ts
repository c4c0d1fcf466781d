/** A bare `$name` in a template literal is text: braces lost in an edit show in a message that no test reads. */
import { type Finding, lineAt, type Repository } from './repository.ts';
import { literalsOf } from './source.ts';

const BARE = /(?<![\\$])\$([A-Za-z_]\w*)/g;

export function checkTemplates(repository: Repository): readonly Finding[] {
  return repository.files
    .filter(({ path }) => path.endsWith('.ts'))
    .flatMap(({ path, text }) =>
      literalsOf(text)
        .filter(({ literal }) => literal.startsWith('`'))
        .flatMap(({ literal, index }) =>
          Array.from(literal.matchAll(BARE), ({ 1: name, index: within }) => {
            const message = `$${name} is text: write \${${name}}, or \\$${name} where that is meant`;
            return { path, line: lineAt(text, index + within), rule: 'templates', message };
          }),
        ),
    );
}
