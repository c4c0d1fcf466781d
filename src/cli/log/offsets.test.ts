import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

const none = { code: -1, out: '', err: '' };

it('a start whose offsets were set says where they are wrong, and the command that it names mends it', {
  timeout: 300_000,
}, async (t) => {
  const simulation = { ...smallWorld.simulation, events: 500 };
  const { begin, run, runEach, directory } = commandLine(t, { ...smallWorld, simulation });
  const first = begin(['start']);
  await first.until(/http:\/\/127\.0\.0\.1:\d+/);
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
  await second.until(/http:\/\/127\.0\.0\.1:\d+/);
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
  for (const { code, err } of wrong) assert.match(`${code} ${err}`, /^2 error MR_USAGE: /);
});
