/** `npm test` and `npm run test:long`: see USAGE. */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { testSeed } from '#platform/testing';
import { globalSetup, globalTeardown } from '../servers/global-setup.ts';
import { joinFiles } from './join-files.ts';
import { preparePython } from './python.ts';
import { report } from './report.ts';
import { isGreen, joinResults, type RunResult, runFiles } from './run-files.ts';
import type { Outcome, ProcessPlan } from './run-process.ts';
import { choose, GROUPS, type Group, type Suite } from './suites.ts';

const USAGE = `usage: npm test [-- PATTERN...]
       npm run test:long [-- GROUP|PATTERN...]

npm test runs what tells in minutes whether the code is right; test:long what takes servers, kills, many seeds or
installations, group by group:

${GROUPS.map(({ name, about }) => `  ${name.padEnd(14)}${about}`).join('\n')}

PATTERN: a part of the path of a test file, such as models/trees or engine/store/cached
MILLRACE_SEED=N: everything that tests draw is drawn by this seed instead of ${testSeed}`;

/** One more than cores: tests wait for disks, timers and each other. */
const CONCURRENCY = 3;
/** For one file, on a machine several times slower than most. */
const QUICK_LIMIT_MS = 300_000;
const LONG_LIMIT_MS = 1_200_000;
const TELL_EVERY_MS = 60_000;
const TICKS_PER_SECOND = 100;

const root = join(import.meta.dirname, '../..');
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());
const started = performance.now();
let toldAt = started;
process.exitCode = await main(process.argv.slice(2));

async function main([suite, ...args]: readonly string[]): Promise<number> {
  let patterns: readonly string[];
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h', default: false } },
    });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    patterns = positionals;
  } catch (error) {
    return refuse((error as Error).message);
  }
  const { groups, unknown } = choose(suite as Suite, patterns, root);
  if (unknown.length > 0) return refuse(`no test file has ${unknown.join(' or ')} in its path`);
  if (groups.some(({ servers }) => servers)) process.env.MILLRACE_SERVERS = '1';
  if (groups.some(({ python }) => python)) await preparePython();
  await globalSetup();
  try {
    return await run(groups);
  } finally {
    await globalTeardown();
  }
}

async function run(groups: readonly Group[]): Promise<number> {
  const results: RunResult[] = [];
  for (const group of groups) {
    if (interrupted.signal.aborted) break;
    const begun = performance.now();
    const isQuick = group.name === 'quick';
    const result = await runFiles(plansOf(group), {
      concurrency: CONCURRENCY,
      limitMs: isQuick ? QUICK_LIMIT_MS : LONG_LIMIT_MS,
      signal: interrupted.signal,
      onEnd: tell,
    });
    results.push(result);
    const processes = result.outcomes.length;
    const seconds = Math.round((performance.now() - begun) / 1_000);
    console.log(`${group.name}: ${group.files.length} files in ${processes} processes, ${seconds} s`);
  }
  if (interrupted.signal.aborted) return 130;
  const all = joinResults(results);
  const seconds = processorSeconds();
  if (seconds !== undefined) console.log(`${seconds.toFixed(0)} processor seconds`);
  process.stdout.write(report(all, { root, durationMs: performance.now() - started }));
  return isGreen(all) ? 0 : 1;
}

/** The processes of a group: joined ones where its files are small, one a file in the long suite. */
function plansOf({ name, files, seeds }: Group): readonly ProcessPlan[] {
  const joined = name === 'quick' || seeds > 1 ? joinFiles(files) : files.map((file) => [file]);
  const absolute = joined.map((each) => each.map((file) => join(root, file)));
  return Array.from({ length: seeds }, (_, i) => testSeed + i + (seeds > 1 ? 1 : 0)).flatMap((seed) =>
    absolute.map((each) => ({ files: each, seed })),
  );
}

function tell({ failures, plan }: Outcome, left: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${left} to begin \r`);
  else if (performance.now() - toldAt > TELL_EVERY_MS) {
    toldAt = performance.now();
    console.log(`${left} processes to begin`);
  }
  if (failures.length === 0) return;
  console.log(`failed at the first try: ${plan.files.map((file) => relative(root, file)).join(', ')}`);
  for (const { name, error } of failures) console.log(`  ${name}: ${error.message.split('\n', 1)[0]}`);
}

/** Of this process and all that it has waited for, by Linux's account. */
function processorSeconds(): number | undefined {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}

function refuse(why: string): number {
  console.error(`${why}\n\n${USAGE}`);
  return 2;
}
