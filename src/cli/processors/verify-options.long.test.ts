import assert from 'node:assert/strict';
import { it } from 'node:test';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

type Finding = { readonly task: string; readonly result: string; readonly detail: string };

const none = { code: -1, out: '', err: '' };

it('verify after an option has changed names it in place of a difference, and finds all equal with what it was', {
  timeout: 600_000,
}, async (t) => {
  const simulation = { ...smallWorld.simulation, events: 500 };
  const { begin, runEach } = commandLine(t, { ...smallWorld, simulation });
  const start = begin(['start']);
  await start.until(/^Serving +http:/m);
  assert.equal((await start.signal('SIGTERM')).code, 0);
  const [changed = none, same = none] = await runEach([
    ['verify', '--json', '--set', 'admission.latenessMs=0'],
    ['verify', '--json'],
  ]);
  const findings = jsonLines<Finding>(changed.out);
  const admission = findings.find(({ task }) => task === 'interactions-0');
  assert.equal(admission?.result, 'unknown');
  assert.match(
    admission?.detail ?? '',
    /^configured differently: admission\.latenessMs was 10000 and is 0; .* after interactions /,
  );
  assert.deepEqual([changed.code, same.code], [1, 0], same.out);
  for (const { task, result } of jsonLines<Finding>(same.out))
    assert.equal(`${task} ${result}`, `${task} equal`);
});
