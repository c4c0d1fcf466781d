import assert from 'node:assert/strict';
import { it } from 'node:test';
import { commandLine, jsonLines } from './testing/command-line.ts';

type Finding = { readonly task: string; readonly result: string; readonly records?: number };

it('millrace verify proves what the processors have done, and says what a rebuild can\u2019t', async (t) => {
  const { begin, run } = commandLine(t);
  const started = begin(['start']);
  await started.until(/http:\/\/127\.0\.0\.1:\d+/);
  assert.equal((await started.signal('SIGTERM')).code, 0);

  const replayed = await run(['verify', '--json']);
  assert.equal(replayed.err, '');
  const findings = jsonLines<Finding>(replayed.out);
  for (const { task, result } of findings) assert.deepEqual({ task, result }, { task, result: 'equal' });
  assert.equal(replayed.code, 0);
  assert.ok(findings.reduce((sum, { records = 0 }) => sum + records, 0) > 3_000);

  const alone = await run(['verify', '--from-log', '--task', 'interactions-0']);
  assert.equal(alone.code, 1);
  assert.match(
    alone.out,
    /^interactions-0: unknown: The state of admission, .* in interactions-0, or behind it, depends on/,
  );
  const rebuilt = await run(['verify', '--from-log', '--task', 'interactions-accepted-0']);
  assert.equal(rebuilt.out, 'interactions-accepted-0: equal\n');
  const unknown = await run(['verify', '--task', 'nobody']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /^error MR_USAGE: There is no task nobody\./);
});
