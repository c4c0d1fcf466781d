/** Generated files are what their sources make. */
import type { Finding, Repository } from './repository.ts';

export function checkGenerated(
  repository: Repository,
  expected: ReadonlyMap<string, string>,
): readonly Finding[] {
  return [...expected].flatMap(([path, content]) => {
    const current = repository.text(path);
    if (current === content) return [];
    const lines = content.split('\n');
    const line = current === undefined ? 0 : current.split('\n').findIndex((each, i) => each !== lines[i]);
    const message = `${current === undefined ? 'is missing' : 'is not current'}: run npm run generate`;
    return [{ path, line: Math.max(0, line) + 1, rule: 'generated', message }];
  });
}
