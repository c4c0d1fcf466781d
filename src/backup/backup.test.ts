import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openEmbeddedLog } from '#log';
import { createLogger } from '#platform';
import { knownIn } from '#privacy/testing';
import { BackedUp, HOUR_MS, recordsIn, START_MS, tableOf } from './testing/backed-up.ts';

describe('a backup', () => {
  it('is restored as the log, the vault and the files were, and goes on', async (t) => {
    const backedUp = await BackedUp.open(t);
    const ann = await backedUp.vault.pseudonymOf('ann');
    mkdirSync(join(backedUp.data, 'versions/v1'), { recursive: true });
    writeFileSync(join(backedUp.data, 'versions/v1/model.onnx'), Buffer.alloc(100_000, 'model'));
    await backedUp.append('events', [
      ['ann', 'one'],
      ['bert', 'two'],
    ]);
    await backedUp.append('rows', [
      ['ann', '1'],
      ['ann', '2'],
    ]);
    const group = { group: 'readers', memberId: '', generation: -1 };
    await backedUp.log.commitOffsets(group, [{ topic: 'events', partition: 0, offset: 1, metadata: 'x' }]);
    await backedUp.ship();
    const { directory, records, users } = await backedUp.restore();
    assert.deepEqual(recordsIn(directory), recordsIn(backedUp.data));
    // Two of the vault: what users are looked up by, and a user.
    assert.deepEqual([records, users], [6, 1]);
    assert.deepEqual(
      readFileSync(join(directory, 'versions/v1/model.onnx')),
      readFileSync(join(backedUp.data, 'versions/v1/model.onnx')),
    );
    assert.deepEqual(await knownIn(directory, 'ann'), [ann]);
    const logger = createLogger({ level: 'silent', name: 'test' });
    const log = await openEmbeddedLog({ directory, clock: backedUp.clock, logger });
    t.after(() => log.close());
    const [committed] = await log.committedOffsets('readers', [{ topic: 'events', partition: 0 }]);
    assert.deepEqual(committed, { topic: 'events', partition: 0, offset: 1, metadata: 'x' });
    const producer = await log.producer();
    const { baseOffset } = await producer.append('events', 0, [
      { key: null, value: Buffer.from('three'), timestamp: START_MS },
    ]);
    assert.equal(baseOffset, 2);
  });

  it('restores each point as it was', async (t) => {
    const backedUp = await BackedUp.open(t);
    const shipper = await backedUp.shipper();
    const points: { at: number; records: ReturnType<typeof recordsIn> }[] = [];
    for (let i = 0; i < 5; i++) {
      await backedUp.append('events', [[`e${i}`, `value ${i}`]], i % 2);
      await backedUp.append('rows', [['row', `${i}`]]);
      const { at } = await shipper.ship();
      points.push({ at, records: recordsIn(backedUp.data) });
      await backedUp.clock.advance(HOUR_MS);
    }
    for (const { at, records } of points) {
      assert.deepEqual(recordsIn((await backedUp.restore({ at: at + 1 })).directory), records);
    }
    await assert.rejects(backedUp.restore({ at: START_MS - 1 }), { code: 'MR_BACKUP_TIME' });
    assert.equal((await shipper.ship()).manifest, undefined, 'nothing is new');
    assert.deepEqual(tableOf(points.at(-1)?.records['rows/0']), { row: '4' });
  });
});
