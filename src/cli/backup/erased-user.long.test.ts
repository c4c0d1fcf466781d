import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { LogSource } from '#log';
import { knownIn } from '#privacy/testing';
import { commandLine, smallWorld } from '../testing/command-line.ts';
import { readTopic } from '../testing/event-log.ts';

const configuration = {
  ...smallWorld,
  simulation: { ...smallWorld.simulation, events: 600 },
  privacy: { userIds: 'pseudonyms' },
};

describe('a user who was erased after a backup', () => {
  it('does not come back by a restore, and the rows go', { timeout: 300_000 }, async (t) => {
    const { directory, begin, run } = commandLine(t, configuration);
    const place = join(directory, 'place');
    const started = begin(['start', '--json']);
    await started.until(/^\{"url".*\}$/m);
    assert.equal((await started.signal('SIGINT')).code, 0);
    const { at } = JSON.parse((await run(['backup', place, '--json'])).out) as { at: number };
    const erased = await run(['erase', 'u1', '--yes']);
    assert.equal(erased.code, 0, erased.err);
    assert.match(erased.err, /The backup in .*place has the key until its generation is removed/);
    assert.equal((await run(['backup', place])).code, 0);

    const restored = await run(['restore', place, '--at', String(at), '--data', 'elsewhere', '--json']);
    assert.equal(restored.code, 0, restored.err);
    const { forgotten, decisions } = JSON.parse(restored.out) as { forgotten: number; decisions: number };
    assert.deepEqual([forgotten, decisions], [1, 1]);
    const elsewhere = join(directory, 'elsewhere');
    const [erasedName, otherName] = await knownIn(elsewhere, 'u1', 'u2');
    assert.equal(erasedName, undefined);
    assert.notEqual(otherName, undefined);
    const [status] = (await readTopic(elsewhere, 'privacy')).flat();
    assert.equal(status?.status, 'erased');
    const again = begin(['start', '--json', '--data', 'elsewhere']);
    await again.until(/^\{"url".*\}$/m);
    assert.equal((await again.signal('SIGINT')).code, 0);
    assert.equal(
      newestOf(elsewhere, 'user-features-2', status?.user_id ?? ''),
      null,
      'a tombstone is the newest',
    );
  });
});

/** The newest value of a key; null for a tombstone, undefined where there is none. */
function newestOf(data: string, topic: string, key: string): Buffer | null | undefined {
  const source = new LogSource(data);
  try {
    const records = source
      .partitions()
      .filter((partition) => partition.topic === topic)
      .flatMap((partition) =>
        source.rows(partition, 0, 1_000_000).flatMap((row) => {
          const batch = source.decode(partition, row);
          return Array.from({ length: batch.count }, (_, i) => batch.record(i));
        }),
      );
    return records.findLast((record) => record.key?.toString() === key)?.value;
  } finally {
    source.close();
  }
}
