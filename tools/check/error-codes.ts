/** Every error code that the source names is declared, by one room, and thrown somewhere. */
import type { CataloguedError } from '../generate/error-catalogue.ts';
import { roomOf } from './modules.ts';
import { type Finding, isForTests, lineAt, type Repository } from './repository.ts';
import { withoutComments } from './source.ts';

export function checkErrorCodes(
  repository: Repository,
  catalogue: readonly CataloguedError[],
): readonly Finding[] {
  const declaring = new Map(catalogue.map(({ code, path }) => [code, path]));
  const thrown = new Set<string>();
  const findings: Finding[] = [];
  const find = (path: string, text: string, index: number, message: string) => {
    findings.push({ path, line: lineAt(text, index), rule: 'error-codes', message });
  };

  for (const { path, text } of repository.files) {
    if (roomOf(path) === undefined || !path.endsWith('.ts') || isForTests(path)) continue;
    for (const { 0: code, index } of text.matchAll(/\bMR_[A-Z0-9_]+\b/g)) {
      if (!declaring.has(code)) find(path, text, index, `${code} is in no error-codes.ts`);
    }
    // The routes list the codes that they answer with: there, only what is thrown counts.
    const named = path.endsWith('/operations.ts')
      ? /Error\(\s*'(MR_[A-Z0-9_]+)'/g
      : /['"`](MR_[A-Z0-9_]+)['"`]/g;
    for (const [, literal = ''] of withoutComments(text).matchAll(named)) thrown.add(literal);
  }

  for (const { code, path } of catalogue) {
    const text = repository.text(path) ?? '';
    const index = Math.max(0, text.indexOf(code));
    if (!thrown.has(code)) find(path, text, index, `${code} is thrown nowhere`);
    const other = declaring.get(code);
    if (other !== path) find(path, text, index, `${code} is declared in ${other} as well`);
  }
  return findings;
}
