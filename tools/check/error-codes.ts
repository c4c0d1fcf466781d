/** Every error code in the source is in the catalogue with its class, and the catalogue has none that is unused. */
import type { ErrorDescription } from '#platform';
import { roomOf } from './modules.ts';
import { type Finding, isForTests, lineAt, type Repository } from './repository.ts';
import { withoutComments } from './source.ts';

const cataloguePath = 'src/platform/error-codes.ts';

const remedies: Readonly<Record<string, ErrorDescription['remedy']>> = {
  RetryableError: 'retry',
  FatalError: 'give-up',
  InputError: 'fix-input',
  ConfigurationError: 'fix-configuration',
};

export function checkErrorCodes(
  repository: Repository,
  catalogue: readonly ErrorDescription[],
): readonly Finding[] {
  const known = new Map(catalogue.map((each) => [each.code, each]));
  const used = new Set<string>();
  const findings: Finding[] = [];

  for (const { path, text } of repository.files) {
    if (roomOf(path) === undefined || !path.endsWith('.ts') || path === cataloguePath || isForTests(path))
      continue;
    const find = (index: number, message: string) => {
      findings.push({ path, line: lineAt(text, index), rule: 'error-codes', message });
    };
    for (const match of text.matchAll(/\bMR_[A-Z0-9_]+\b/g)) {
      if (!known.has(match[0])) find(match.index, `${match[0]} is not in ${cataloguePath}`);
    }
    const code = withoutComments(text);
    for (const [, literal = ''] of code.matchAll(/['"`](MR_[A-Z0-9_]+)['"`]/g)) used.add(literal);
    for (const match of code.matchAll(/\bnew (\w+Error)\(\s*'(MR_[A-Z0-9_]+)'/g)) {
      const [, type = '', thrown = ''] = match;
      const described = known.get(thrown)?.remedy;
      if (described !== undefined && remedies[type] !== undefined && remedies[type] !== described) {
        find(match.index, `${thrown} is a ${type} here, and "${described}" in ${cataloguePath}`);
      }
    }
  }

  const source = repository.text(cataloguePath) ?? '';
  for (const { code } of catalogue) {
    if (used.has(code)) continue;
    const line = lineAt(source, Math.max(0, source.indexOf(code)));
    findings.push({ path: cataloguePath, line, rule: 'error-codes', message: `${code} is thrown nowhere` });
  }
  return findings;
}
