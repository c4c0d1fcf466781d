import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { at, readToEnd, values } from '../contract/opened.ts';
import { openEmbeddedLog } from './embedded-log.ts';

const KEYS = 200;
/** How a zstd frame begins: texts in packed batches can't be looked for. */
const FRAME = '\x28\xb5\x2f\xfd';

function packedRows(directory: string): number {
  const database = new DatabaseSync(join(directory, 'log.sqlite'), { readOnly: true });
  const row = database.prepare(`SELECT count(*) AS n FROM records_1 WHERE substr(batch, 5, 1) = x'03'`).get();
  database.close();
  return Number(row?.n);
}

test('scrubbing leaves no byte of what was replaced or deleted, and all the rest, while others read and write', async (t) => {
  const directory = temporaryDirectory(t);
  const open = () => openEmbeddedLog({ directory, clock: systemClock });
  const log = await open();
  t.after(() => log.close());
  const cleanup = { policy: 'compact', tombstoneRetentionMs: 60_000 } as const;
  await log.createTopics([{ name: 'in', partitions: 1, cleanup }]);
  const producer = await log.producer();
  const put = (values: readonly (string | null)[]) => {
    const records = values.map((value, i) => {
      return { key: Buffer.from(`k${i}`), value: value === null ? null : Buffer.from(value), timestamp: 1 };
    });
    return producer.append('in', 0, records);
  };
  const texts = (version: string) =>
    Array.from({ length: KEYS }, (_, i) => `${version}-of-${i}-`.repeat(100));
  await put(texts('first'));
  await put(texts('second'));
  // Compacted before: what it has freed lies in the file still.
  await log.clean({ minDirtyRatio: 0 });
  await put(texts('third').map((text, i) => (i < 20 ? null : text)));

  const bytes = () =>
    readdirSync(directory)
      .map((name) => readFileSync(join(directory, name)).toString('latin1'))
      .join('');
  const left = () => ['first-of-', 'second-of-', 'third-of-'].filter((text) => bytes().includes(text));
  assert.deepEqual(left(), ['first-of-', 'second-of-', 'third-of-']);

  // Another reader has the whole file mapped, and a consumer of this log waits at its end.
  const other = await open();
  t.after(() => other.close());
  assert.equal((await readToEnd(other, [at('in')])).length, KEYS * 2);
  const waiting = await other.consumer();
  waiting.assign([{ ...at('in'), offset: KEYS * 3 }]);
  const polled = waiting.poll(60_000);

  const { compactedRecords } = await log.scrub();
  assert.equal(compactedRecords, KEYS);
  assert.deepEqual(left(), []);
  assert.equal(
    bytes().split(FRAME).length - 1,
    packedRows(directory),
    'every packed batch is one that is kept',
  );
  const kept = values(await readToEnd(other, [at('in')]));
  assert.equal(kept.filter((value) => value?.startsWith('third-of-')).length, KEYS - 20);
  await producer.append('in', 0, [{ key: Buffer.from('new'), value: Buffer.from('news'), timestamp: 2 }]);
  assert.equal((await polled)[0]?.value(0)?.toString(), 'news');
  assert.equal((await log.scrub()).compactedRecords, 0);
});
