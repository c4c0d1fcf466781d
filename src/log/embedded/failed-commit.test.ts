import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { at, readToEnd, text, values } from '../contract/opened.ts';
import { openEmbeddedLog } from './embedded-log.ts';

/** Records of these times can't be committed, where none before has a later one. */
const FATAL_MS = [13, 113] as const;

it('a commit that fails leaves no trace in what is appended after it', async (t) => {
  const directory = temporaryDirectory(t);
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  t.after(() => log.close());
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  await log.createTopics([{ name: 'in', partitions: 1, cleanup }]);
  const other = new DatabaseSync(join(directory, 'log.sqlite'));
  other.exec(`CREATE TRIGGER fails BEFORE UPDATE ON partitions WHEN NEW.newest IN (${FATAL_MS})
    BEGIN SELECT RAISE(ABORT, 'the disk says no'); END`);
  other.close();
  const producer = await log.producer();
  assert.equal((await producer.append('in', 0, [text('first', 1)])).baseOffset, 0);
  await assert.rejects(producer.append('in', 0, [text('lost', FATAL_MS[0]), text('lost', 3)]));
  assert.equal((await producer.append('in', 0, [text('second', 2)])).baseOffset, 1);
  assert.equal((await producer.append('in', 0, [text('third', 20)])).nextOffset, 3);
  const transactional = await log.transactionalProducer('one');
  transactional.append('in', 0, [text('lost', FATAL_MS[1])]);
  await assert.rejects(transactional.commit());
  assert.equal((await producer.append('in', 0, [text('fourth', 21)])).baseOffset, 3);
  const read = await readToEnd(log, [at('in')]);
  assert.deepEqual(values(read), ['first', 'second', 'third', 'fourth']);
  assert.deepEqual((await log.describeTopics())[0]?.offsets, [{ start: 0, stable: 4, end: 4 }]);
});
