/** `npm test`: runs a suite's files on Node's test runner, with what their processes share (tools/servers/global-setup.ts). */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { SUITES, type Suite, testFiles } from './suites.ts';

const USAGE = `usage: npm test [-- SUITE [OPTION OF node --test...]]

SUITE  parts: what runs in the test's own process (the default)
       processes: the command line, kills, installations, benchmarks: each starts processes of its own
       all: both`;

/** One more than cores: tests wait for disks, timers and each other. */
const CONCURRENCY = 3;
const root = join(import.meta.dirname, '../..');

const [suite = 'parts', ...options] = process.argv.slice(2);
if (isSuite(suite)) run(testFiles(suite, root));
else {
  console.error(USAGE);
  process.exitCode = 2;
}

function isSuite(name: string): name is Suite {
  return SUITES.some((each) => each === name);
}

function run(files: readonly string[]): void {
  // The runner takes a pattern without a file for success.
  if (files.length === 0) throw new Error('there are no test files');
  const runner = spawn(
    process.execPath,
    [
      '--test',
      '--test-global-setup=./tools/servers/global-setup.ts',
      `--test-concurrency=${CONCURRENCY}`,
      '--test-reporter=./tools/test/quiet.ts',
      '--test-reporter-destination=stdout',
      ...options,
      ...files,
    ],
    { cwd: root, stdio: 'inherit' },
  );
  // A terminal's Ctrl-C reaches the runner as well, which ends its files and servers.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => runner.kill('SIGTERM'));
  runner.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
