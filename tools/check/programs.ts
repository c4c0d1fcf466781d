/** The compiler and the two linters, each run as it would be by hand, their findings in our form. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type Finding, ROOT_ROOMS } from './repository.ts';

type Program = {
  readonly name: string;
  readonly arguments: readonly string[];
  /** Finds path, line, rule and message in a line of output. */
  readonly pattern: RegExp;
};

const programs: readonly Program[] = [
  {
    name: 'tsc',
    arguments: ['-p', '.', '--pretty', 'false'],
    pattern: /^(?<path>[^(\n]+)\((?<line>\d+),\d+\): error (?<rule>TS\d+): (?<message>.*)$/gm,
  },
  {
    name: 'biome',
    arguments: [
      'check',
      '--reporter=github',
      '--colors=off',
      '--max-diagnostics=none',
      '--error-on-warnings',
    ],
    pattern:
      /^::(?:error|warning) title=(?<rule>[^,]+),file=(?<path>[^,]+),line=(?<line>\d+),[^:]*::(?<message>.*)$/gm,
  },
  {
    name: 'oxlint',
    arguments: ['--type-aware', '--format=unix', 'src', ...ROOT_ROOMS, 'tools', 'bench', 'examples'],
    pattern: /^(?<path>[^:\n]+):(?<line>\d+):\d+: (?<message>.*) \[\w+\/(?<rule>[^\]]+)\]$/gm,
  },
];

/** Runs all of them at once in `root`. A program that fails without a finding that we can read is one itself. */
export async function runPrograms(root: string): Promise<readonly Finding[]> {
  return (await Promise.all(programs.map((program) => run(program, root)))).flat();
}

function run(program: Program, root: string): Promise<readonly Finding[]> {
  const executable = join(root, 'node_modules/.bin', program.name);
  return new Promise((resolve) => {
    const options = { cwd: root, maxBuffer: 64 * 1024 * 1024 };
    execFile(executable, [...program.arguments], options, (error, stdout, stderr) => {
      const findings = parseFindings(program, stdout, root);
      if (error === null || findings.length > 0) return resolve(findings);
      const message = `${program.name} failed: ${`${stdout}\n${stderr}`.trim().split('\n').slice(-3).join(' ')}`;
      resolve([{ path: 'package.json', line: 1, rule: program.name, message }]);
    });
  });
}

function parseFindings({ name, pattern }: Program, output: string, root: string): readonly Finding[] {
  return [...output.matchAll(pattern)].map(({ groups = {} }) => ({
    path: (groups.path ?? '').replace(`${root}/`, '').replace(/^\.\//, ''),
    line: Number(groups.line),
    rule: `${name}/${groups.rule}`,
    message: groups.message ?? '',
  }));
}
