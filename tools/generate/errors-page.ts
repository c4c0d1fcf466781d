import type { ErrorDescription } from '#platform';
import type { CataloguedError } from './error-catalogue.ts';

const remedies: Readonly<Record<ErrorDescription['remedy'], string>> = {
  retry: 'Retry',
  'give-up': 'Give up',
  'fix-input': 'Fix the input',
  'fix-configuration': 'Fix the configuration',
};

/** docs/ERRORS.md. */
export function errorsPage(catalogue: readonly CataloguedError[]): string {
  const sorted = [...catalogue].sort((a, b) => (a.code < b.code ? -1 : 1));
  const rows = sorted.map(
    ({ code, remedy, meaning, action }) => `| \`${code}\` | ${remedies[remedy]} | ${meaning} | ${action} |`,
  );
  return `<!-- Generated from each room's error-codes.ts by \`npm run generate\`; not to be edited. -->
# Errors

Every error carries a stable code and belongs to one of four classes, by what its receiver can do: **retry**
(\`RetryableError\`: the same call may succeed later), **give up** (\`FatalError\`: start over),
**fix the input** (\`InputError\`: the same input fails always), **fix the configuration**
(\`ConfigurationError\`). The message says what happened, the hint what to do.

| code | class | what it means | what to do |
|---|---|---|---|
${rows.join('\n')}
`;
}
