import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { report } from './report.ts';
import { isGreen, type RunResult, runFiles } from './run-files.ts';

const HEAD = "import { it } from 'node:test'; import { existsSync, writeFileSync } from 'node:fs';";
/** Fails at its first run only. */
const FLAKY = `if (!existsSync(import.meta.filename + '.ran')) {
  writeFileSync(import.meta.filename + '.ran', '');
  throw new Error('not yet');
}`;

/** Runs processes, each the bodies of its files by name, and returns the result with what is printed of it. */
async function ran(
  t: TestContext,
  processes: readonly Readonly<Record<string, string>>[],
  { limitMs = 60_000, signal = t.signal }: { readonly limitMs?: number; readonly signal?: AbortSignal } = {},
) {
  const root = temporaryDirectory(t);
  const plans = processes.map((bodies) => ({
    seed: 7,
    files: Object.entries(bodies).map(([name, body]) => {
      const file = join(root, `${name}.test.mjs`);
      writeFileSync(file, `${HEAD}\n${body}\n`);
      return file;
    }),
  }));
  const { NODE_TEST_CONTEXT } = process.env;
  // Node runs no files from within a test, by its mark in the environment.
  delete process.env.NODE_TEST_CONTEXT;
  const result = await runFiles(plans, { concurrency: 2, limitMs, signal });
  if (NODE_TEST_CONTEXT !== undefined) process.env.NODE_TEST_CONTEXT = NODE_TEST_CONTEXT;
  return { result, printed: report(result, { root, durationMs: 1_234 }) };
}

const test = (name: string, body = '') => `it('${name}', async () => { ${body} });`;
const namesOf = (retried: RunResult['failed']) =>
  retried.flatMap(({ second }) => second.flatMap(({ failures }) => failures.map(({ name }) => name)));
const lastLines = (printed: string, count: number) => printed.trimEnd().split('\n').slice(-count);

describe('a run of test files', () => {
  it('passes quietly, and counts the tests of files that share a process', async (t) => {
    const skipped = `it('waits', { skip: 'needs a server' }, () => {});`;
    const { result, printed } = await ran(t, [
      { a: test('adds'), b: `${test('subtracts')} ${skipped} console.log('noise');` },
    ]);
    assert.ok(isGreen(result));
    assert.match(printed, /^ +\d+\.\d s {2}a\.test\.mjs$/m);
    assert.match(printed, /^ +\d+\.\d s {2}b\.test\.mjs$/m);
    assert.match(printed, /^skipped: waits: needs a server$/m);
    assert.doesNotMatch(printed, /noise|FAILED|FLAKY/);
    const counts = ['tests 3', 'suites 0', 'pass 2', 'fail 0', 'cancelled 0', 'skipped 1', 'todo 0'];
    assert.deepEqual(
      lastLines(printed, 8),
      [...counts, 'duration_ms 1234'].map((line) => `ℹ ${line}`),
    );
  });

  it('names what fails twice last, with its place, reason and seed, after what its process wrote', async (t) => {
    const { result, printed } = await ran(t, [
      {
        good: test('adds'),
        bad: `console.log('a trace');\n${test('divides', "throw new Error('by zero')")}`,
      },
    ]);
    assert.ok(!isGreen(result));
    const [first, ...summary] = lastLines(printed, 9);
    assert.equal(first, 'FAILED bad.test.mjs:3 divides: by zero (MILLRACE_SEED=7)');
    assert.deepEqual([summary[0], summary[2], summary[3]], ['ℹ tests 2', 'ℹ pass 1', 'ℹ fail 1']);
    assert.match(printed, /--- bad\.test\.mjs \(MILLRACE_SEED=7\)\na trace\n✖ divides\nError: by zero/);
    assert.deepEqual(
      result.failed.flatMap(({ second }) => second.map(({ plan }) => plan.files.length)),
      [1],
      'the good file is not run again',
    );
  });

  it('stays green with three files that pass at their second try, and lists them; a fourth is too many', async (t) => {
    const flaky = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ [`f${i}`]: test('settles', FLAKY) }));
    const three = await ran(t, flaky(3));
    assert.ok(isGreen(three.result));
    assert.equal(three.printed.match(/^FLAKY f\d\.test\.mjs .*: passed when run once more$/gm)?.length, 3);
    assert.match(three.printed, /not yet/);
    assert.match(three.printed, /ℹ pass 3\nℹ fail 0\nℹ cancelled 0/);
    const four = await ran(t, flaky(4));
    assert.ok(!isGreen(four.result));
    assert.match(four.printed, /^FAILED 4 files are flaky/m);
  });

  it('runs each file of a process that ends early by itself', async (t) => {
    const { result, printed } = await ran(t, [
      { fine: test('adds'), crash: test('leaves', 'process.exit(3)'), load: 'import "./nowhere.mjs";' },
    ]);
    assert.ok(!isGreen(result));
    assert.match(printed, /^FAILED crash\.test\.mjs:/m);
    assert.match(printed, /^FAILED load\.test\.mjs:/m);
    assert.doesNotMatch(printed, /^FAILED fine/m);
  });

  it('ends a file that is over its limit, with what it has open', async (t) => {
    const { result, printed } = await ran(
      t,
      [{ stuck: `setInterval(() => {}, 1000);\n${test('waits', 'await new Promise(() => {})')}` }],
      { limitMs: 1_500 },
    );
    assert.deepEqual(new Set(namesOf(result.failed)).has('the whole file'), true);
    assert.match(printed, /^FAILED stuck\.test\.mjs:0 the whole file: ended after 1\.5 s, its limit/m);
    assert.match(printed, /ℹ fail 0\nℹ cancelled 1/);
  });

  it('ends what runs when it is interrupted, and begins no other', async (t) => {
    const { result } = await ran(
      t,
      [{ stuck: `setInterval(() => {}, 1000);` }, { second: `setInterval(() => {}, 1000);` }, { third: '' }],
      { signal: AbortSignal.timeout(1_500) },
    );
    assert.equal(result.outcomes.length, 2);
    assert.ok(!isGreen(result));
  });

  it('gives test processes the seed: the same draws in each run', async (t) => {
    const drawn = `import fc from '${import.meta.resolve('fast-check')}';
      console.log('drew', Math.random(), fc.sample(fc.integer())[0], process.env.MILLRACE_SEED);
      ${test('fails', "throw new Error('no')")}`;
    const { printed } = await ran(t, [{ draws: drawn }]);
    const [first, second] = printed.match(/^drew .*$/gm) ?? [];
    assert.match(first ?? '', /^drew 0\.\d+ -?\d+ 7$/);
    assert.equal(second, first);
  });
});
