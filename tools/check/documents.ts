/** What README.md and the documents point to exists: files, headings, paths, npm scripts, commands. */
import { posix } from 'node:path';
import { type Finding, lineAt, type Repository, type SourceFile } from './repository.ts';

const link = /\]\(([^)\s]+)\)/g;
/** In backticks: a file below a folder, or a folder; `src/` may be left out. */
const path = /`([\w.-]+(?:\/[\w.-]+)*\/|[\w.-]+(?:\/[\w.-]+)+\.(?:ts|js|json|avsc|md))`/g;
const script = /\bnpm (?:run (?:--silent |-s )?)([\w:-]+)/g;
const command = /(?:\bnpx |^\s*\$? ?|[`&|] ?)millrace ([a-z][\w-]*)/gm;

export function checkDocuments(repository: Repository): readonly Finding[] {
  const { scripts = {} } = JSON.parse(repository.text('package.json') ?? '{}') as { scripts?: object };
  const commands = commandsOf(repository);
  return repository.files
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap((file) => {
      const find = (index: number | undefined, message: string): Finding => {
        return { path: file.path, line: lineAt(file.text, index ?? 0), rule: 'documents', message };
      };
      const findings: Finding[] = [];
      for (const { index, 1: target = '' } of file.text.matchAll(link)) {
        const problem = linkProblem(repository, file, target);
        if (problem !== undefined) findings.push(find(index, problem));
      }
      for (const { index, 1: named = '' } of file.text.matchAll(path)) {
        if (!isThere(repository, file, named)) findings.push(find(index, `${named}: no such path`));
      }
      for (const { index, 1: name = '' } of file.text.matchAll(script)) {
        if (!Object.hasOwn(scripts, name)) findings.push(find(index, `npm run ${name}: no such script`));
      }
      for (const { index, 0: found, 1: name = '' } of file.text.matchAll(command)) {
        if (commands.size === 0 || commands.has(name)) continue;
        findings.push(find(index + found.search(/\S/), `millrace ${name}: no such command`));
      }
      return findings;
    });
}

/** The commands that the command line lists; commander adds `help` itself. */
function commandsOf(repository: Repository): ReadonlySet<string> {
  const listed = repository.text('src/cli/commands.ts')?.matchAll(/\bname: '([\w-]+)'/g) ?? [];
  const names = Array.from(listed, ([, name = '']) => name);
  return new Set(names.length > 0 ? [...names, 'help'] : []);
}

function isThere(repository: Repository, file: SourceFile, named: string): boolean {
  const bare = named.replace(/\/$/, '');
  return ['', 'src', posix.dirname(file.path)].some((base) => repository.exists(posix.join(base, bare)));
}

function linkProblem(repository: Repository, file: SourceFile, target: string): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return undefined;
  const [relative = '', fragment] = target.split('#');
  const path = relative === '' ? file.path : posix.join(posix.dirname(file.path), relative);
  if (!repository.exists(path.replace(/\/$/, ''))) return `link to ${target}: no such file`;
  if (fragment === undefined || !path.endsWith('.md')) return undefined;
  const headings = (repository.text(path) ?? '').matchAll(/^#+ +(.+)$/gm);
  const exists = [...headings].some(([, heading = '']) => slug(heading) === fragment);
  return exists ? undefined : `link to ${target}: no such heading`;
}

/** The anchor that GitHub gives a heading. */
function slug(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}
