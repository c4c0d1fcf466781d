/** Time, timers and randomness reach the engine through arguments: that is what makes simulation possible. */
import { type Finding, isForTests, lineAt, type Repository } from './repository.ts';
import { withoutStrings } from './source.ts';

const forbidden =
  /\b(?:Date\.now|performance\.now|process\.hrtime|setTimeout|setInterval|setImmediate|Math\.random|new Date(?=\(\s*\)))\b/g;

export function checkDeterminism(repository: Repository): readonly Finding[] {
  return repository.files
    .filter(({ path }) => /^src\/(engine|log)\//.test(path) && path.endsWith('.ts') && !isForTests(path))
    .flatMap(({ path, text }) => {
      const code = withoutStrings(text);
      return [...code.matchAll(forbidden)].map((match) => ({
        path,
        line: lineAt(code, match.index),
        rule: 'determinism',
        message: `${match[0]} in the engine: take it from the Clock or from an argument`,
      }));
    });
}
