import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { idleMember, type Log, openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { commandLine, jsonLines } from '../testing/command-line.ts';
import { kafkaLine } from '../testing/kafka-line.ts';

type Lag = { group: string; lag: number; behindMs: number; partitions: { topic: string; lag: number }[] };

const DAY_MS = 86_400_000;

/** Three records of three days ago in `in/0`, of which group `reader` has read one. */
async function fill(log: Log): Promise<void> {
  await log.createTopics([{ name: 'in', partitions: 2, cleanup: { policy: 'delete', retentionMs: null } }]);
  const producer = await log.producer();
  const timestamp = Date.now() - 3 * DAY_MS;
  await producer.append(
    'in',
    0,
    ['a', 'b', 'c'].map((text) => ({ key: null, value: Buffer.from(text), timestamp })),
  );
  await producer.close();
  const at = (partition: number, offset: number) => ({ topic: 'in', partition, offset });
  await log.commitOffsets(idleMember('reader'), [at(0, 1), at(1, 0)]);
}

it('lag shows each partition of a group, those behind first, and the total', {
  timeout: 600_000,
}, async (t) => {
  const line = commandLine(t, {});
  const directory = join(line.directory, '.millrace');
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  await fill(log);
  await log.close();
  const [text, json, none, often] = await line.runEach([
    ['lag'],
    ['lag', '--json', '--group', 'reader'],
    ['lag', '--group', 'nobody'],
    ['lag', '--watch', '0'],
  ]);
  const rows = (text?.out ?? '')
    .trim()
    .split('\n')
    .map((row) => row.split(/ {2,}/));
  assert.deepEqual(rows, [
    ['group', 'partition', 'committed', 'end', 'lag', 'behind'],
    ['reader', 'in/0', '1', '3', '2', '3 d'],
    ['reader', 'in/1', '0', '0', '0', '0.0 s'],
    ['reader', 'total', '2', '3 d'],
  ]);
  const [group] = jsonLines<Lag>(json?.out ?? '');
  assert.deepEqual(
    [group?.group, group?.lag, group?.partitions.map(({ lag }) => lag)],
    ['reader', 2, [2, 0]],
  );
  assert.ok((group?.behindMs ?? 0) >= 3 * DAY_MS);
  assert.deepEqual([none?.code, often?.code], [2, 2]);
  assert.match(none?.err ?? '', /^error MR_USAGE: The log knows no group nobody\.\nhint: See/);
  assert.match(often?.err ?? '', /^error MR_USAGE: .*0\.1 to 3600/);

  const watching = line.begin(['lag', '--watch', '0.1']);
  await watching.until(/total.*total.*total/s);
  const { code, out } = await watching.signal('SIGINT');
  assert.equal(code, 0);
  assert.ok(!out.includes('\x1b'), 'no escape codes where there is no terminal');
});

it('lag shows the same on Kafka', { timeout: 600_000 }, async (t) => {
  const kafka = await kafkaLine(t, 'lag');
  if (kafka === undefined) return;
  const { line, opened } = kafka;
  await fill(opened.log);
  const { out, err } = await line.print(['lag', '--json']);
  const lags = jsonLines<Lag>(out);
  assert.deepEqual(
    lags.map(({ group, lag }) => [group, lag]),
    [['reader', 2]],
    err,
  );
});
