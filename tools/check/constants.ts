/** A constant of a module, which is a number, a text or a truth value, is UPPER_CASE. */
import { type Finding, lineAt, type Repository } from './repository.ts';

const NUMBER = String.raw`-?\d[\w.]*(?: [-+*/%]+ [\w.]+)*`;
const TEXT = String.raw`'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\`[^\`$]*\``;
const constant = new RegExp(
  `^(?:export )?const ([a-z]\\w*)(?:: \\w+)? =\\s+(?:${NUMBER}|${TEXT}|true|false)(?: as const)?;$`,
  'gm',
);

export function checkConstants(repository: Repository): readonly Finding[] {
  return repository.files
    .filter(({ path }) => path.endsWith('.ts'))
    .flatMap(({ path, text }) =>
      Array.from(text.matchAll(constant), ({ 1: name, index }) => {
        const message = `${name} is a constant: write it in UPPER_CASE`;
        return { path, line: lineAt(text, index), rule: 'constants', message };
      }),
    );
}
