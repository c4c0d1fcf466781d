import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Snapshot } from '#schemas';
import { commandLine, jsonLines } from './testing/command-line.ts';

/** Nothing would look like this. */
const none = { code: -1, out: '', err: 'nothing was printed' };

type Finding = { readonly task: string; readonly result: string; readonly records?: number };

it('of what a start has made', async (t) => {
  const { begin, run, runEach } = commandLine(t);
  const started = begin(['start']);
  await started.until(/http:\/\/127\.0\.0\.1:\d+/);

  await t.test('a snapshot is taken by the running start or here, and shows what it holds', async () => {
    const taken = await run(['snapshot', '--split', 'by-time', '--json']);
    assert.deepEqual({ code: taken.code, err: taken.err }, { code: 0, err: '' });
    const [byStart] = jsonLines<Snapshot>(taken.out);
    assert.equal(byStart?.protocol, 'by-time-last-20%');
    assert.match(byStart?.command_id ?? '', /^snapshot-/);
    assert.equal((await started.signal('SIGTERM')).code, 0);

    const [last = none, here = none, wrong = none] = await runEach([
      ['snapshot', '--last', '--json'],
      ['snapshot', '--negatives', '1'],
      ['snapshot', '--split', 'odd'],
    ]);
    assert.deepEqual(jsonLines<Snapshot>(last.out)[0], byStart);
    assert.equal(here.code, 0, here.err);
    assert.match(here.out, /^snapshot [0-9a-f]{16} in snapshots\/[0-9a-f]{16}: examples before 20/);
    assert.match(
      here.out,
      /\nper-user-last-20%: [\d,]+ train, [\d,]+ validation, [\d,]+ test\n60 users, 60 items, /,
    );
    assert.match(here.out, /\n[\d,]+ sampled negatives\n/);
    assert.match(here.out, /\nitem_popularity +(?:[\d.]+% +)?[\d,]+ +/);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /^error MR_USAGE: .*--split/);
  });

  await t.test(
    'verify proves what the processors have done, and says what a rebuild can\u2019t',
    async () => {
      const [replayed = none, alone = none, rebuilt = none, unknown = none] = await runEach([
        ['verify', '--json'],
        ['verify', '--from-log', '--task', 'interactions-0'],
        ['verify', '--from-log', '--task', 'interactions-accepted-0'],
        ['verify', '--task', 'nobody'],
      ]);
      assert.equal(replayed.err, '');
      const findings = jsonLines<Finding>(replayed.out);
      for (const { task, result } of findings) assert.deepEqual({ task, result }, { task, result: 'equal' });
      assert.equal(replayed.code, 0);
      assert.ok(findings.reduce((sum, { records = 0 }) => sum + records, 0) > 3_000);

      assert.equal(alone.code, 1);
      assert.match(
        alone.out,
        /^interactions-0: unknown: The state of admission, .* in interactions-0, or behind it, depends on/,
      );
      assert.equal(rebuilt.out, 'interactions-accepted-0: equal\n');
      assert.equal(unknown.code, 2);
      assert.match(unknown.err, /^error MR_USAGE: There is no task nobody\./);
    },
  );
});
