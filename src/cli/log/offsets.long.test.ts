import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { requireReadable } from './readable-offset.ts';

const none = { code: -1, out: '', err: '' };

it('a start whose offsets were set says where they are wrong, and the command that it names mends it', {
  timeout: 600_000,
}, async (t) => {
  const simulation = { ...smallWorld.simulation, events: 500 };
  const { begin, run, runEach, directory } = commandLine(t, { ...smallWorld, simulation });
  const first = begin(['start']);
  await first.until(/^Serving +http:/m);
  const live = await run(['offsets', 'set', 'loop-4', 'interactions/1', '1']);
  assert.match(`${live.code} ${live.err}`, /^2 error MR_GROUP_LIVE: Group loop-4 has live members/);
  assert.equal((await first.signal('SIGTERM')).code, 0);
  const logger = createLogger({ level: 'silent', name: 'test' });
  const log = await openEmbeddedLog({ directory: join(directory, '.millrace'), clock: systemClock, logger });
  t.after(() => log.close());
  const place = { topic: 'interactions', partition: 1 };
  const [committed] = await log.committedOffsets('loop-4', [place]);
  const [described] = await log.describeTopics(['interactions']);
  assert.ok(committed);
  const set = (offset: number) =>
    log.commitOffsets({ group: 'loop-4', memberId: '', generation: -1 }, [{ ...committed, offset }]);
  const refusal = async (pattern: RegExp): Promise<string[]> => {
    const { code, err } = await run(['start']);
    assert.equal(code, 1, err);
    const [, command = ''] = pattern.exec(err) ?? assert.fail(err);
    return command.split(' ');
  };

  await set(1_000_000);
  const end = described?.offsets[1]?.end;
  const beyond = `^error MR_PROCESSING_FAILED: .*: MR_GROUP_OFFSET: Group loop-4 is at offset 1000000 of topic interactions, partition 1, .* ends at ${end}\\.\\n.*"millrace (offsets set loop-4 interactions/1 ${end})"`;
  const mended = await run(await refusal(new RegExp(beyond, 'm')));
  assert.deepEqual([mended.code, mended.err], [0, '']);

  await set(1);
  const back = `^error MR_PROCESSING_FAILED: .*: MR_STORE_AHEAD: .* holds interactions/1 up to offset \\d+, and loop-4's offset is 1: .*\\n.*"millrace (offsets set loop-4 interactions/1 \\d+)"`;
  assert.equal((await run(await refusal(new RegExp(back, 'm')))).code, 0);

  const second = begin(['start']);
  await second.until(/^Serving +http:/m);
  assert.equal((await second.signal('SIGTERM')).code, 0);
  const [listed = none, ...wrong] = await runEach([
    ['offsets', 'loop-4', '--json'],
    ['offsets', 'set', 'loop-4', 'interactions/1', '999999999'],
    ['offsets', 'set', 'loop-4', 'interactions', '1'],
    ['offsets', 'set', 'nobody', 'interactions/1', '1'],
    ['offsets', 'set', 'loop-4', 'interactions/9', '1'],
  ]);
  const row = jsonLines(listed.out).find(
    ({ topic, partition }) => topic === 'interactions' && partition === 1,
  );
  assert.deepEqual([row?.group, row?.end], ['loop-4', end]);
  const told = [
    `Offsets ${end} to 999999998 of interactions/1 are not on the log, which ends at ${end}.`,
    'interactions names no partition.',
    'Group nobody has read nothing of interactions/1.',
    'Topic interactions has no partition 9.',
  ];
  assert.deepEqual(
    wrong.map(({ code, err }) => `${code} ${err.split('\n')[0]}`),
    told.map((message) => `2 error MR_USAGE: ${message}`),
  );
});

it('an offset that the log does not hold is refused with what is missing', () => {
  const place = { topic: 'interactions', partition: 1 };
  const set = (text: string) => requireReadable(place, text, { start: 100, end: 200 });
  assert.deepEqual(['100', '150', '200'].map(set), [100, 150, 200]);
  const refused = (text: string, message: string) =>
    assert.throws(() => set(text), { code: 'MR_USAGE', message });
  refused('99', 'Offsets 99 to 99 of interactions/1 are no longer on the log, which starts at 100.');
  refused('0', 'Offsets 0 to 99 of interactions/1 are no longer on the log, which starts at 100.');
  refused('201', 'Offsets 200 to 200 of interactions/1 are not on the log, which ends at 200.');
  for (const text of ['', '-1', '1.5', '1e3', '9'.repeat(20)])
    refused(text, `${text} is not an offset of interactions/1.`);
});
