import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Snapshot } from '#schemas';
import { commandLine, jsonLines } from './testing/command-line.ts';

it('millrace snapshot is taken by a running start or here, and shows what it holds', async (t) => {
  const { begin, run } = commandLine(t);
  const started = begin(['start']);
  await started.until(/http:\/\/127\.0\.0\.1:\d+/);
  const taken = await run(['snapshot', '--split', 'by-time', '--json']);
  assert.deepEqual({ code: taken.code, err: taken.err }, { code: 0, err: '' });
  const [byStart] = jsonLines<Snapshot>(taken.out);
  assert.equal(byStart?.protocol, 'by-time-last-20%');
  assert.match(byStart?.command_id ?? '', /^snapshot-/);
  assert.equal((await started.signal('SIGTERM')).code, 0);

  const [last] = jsonLines<Snapshot>((await run(['snapshot', '--last', '--json'])).out);
  assert.deepEqual(last, byStart);
  const here = await run(['snapshot', '--negatives', '1']);
  assert.equal(here.code, 0, here.err);
  assert.match(here.out, /^snapshot [0-9a-f]{16} in snapshots\/[0-9a-f]{16}: examples before 20/);
  assert.match(
    here.out,
    /\nper-user-last-20%: [\d,]+ train, [\d,]+ validation, [\d,]+ test\n60 users, 60 items, /,
  );
  assert.match(here.out, /\n[\d,]+ sampled negatives\n/);
  assert.match(here.out, /\nitem_popularity +(?:[\d.]+% +)?[\d,]+ +/);
  const wrong = await run(['snapshot', '--split', 'odd']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /^error MR_USAGE: .*--split/);
});
