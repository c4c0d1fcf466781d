import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { s3Server } from '#servers';
import { FaultyProxy, storeAt } from '#storage/testing';
import { backupPoints } from './index.ts';
import { BackedUp, HOUR_MS, recordsIn } from './testing/backed-up.ts';

const BUSY = { status: 503, code: 'SlowDown' };
const listing = { passphrase: undefined, isThorough: true, signal: new AbortController().signal };

/** A data directory with records, and a bucket for its backup behind a proxy. */
async function opened(t: TestContext) {
  const server = await s3Server(t);
  if (server === undefined) return undefined;
  const backedUp = await BackedUp.open(t);
  await backedUp.append('events', [['ann', 'one']]);
  await backedUp.append('rows', [['ann', '1']]);
  const proxy = await FaultyProxy.open(t, server.url);
  const address = `s3://${await server.bucket()}/backup`;
  const open = () => storeAt(t, proxy.url, address);
  return { backedUp, proxy, open };
}

describe('a backup in an object store', () => {
  it('is restored as the log was, at each point, and read through without a problem', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { backedUp, open } = world;
    const points: { at: number; records: ReturnType<typeof recordsIn> }[] = [];
    for (let i = 0; i < 3; i++) {
      await backedUp.append('events', [[`e${i}`, 'x'.repeat(i * 1_000)]], i % 2);
      const { at } = await backedUp.ship({ place: open() });
      points.push({ at, records: recordsIn(backedUp.data) });
      await backedUp.clock.advance(HOUR_MS);
    }
    for (const { at, records } of points) {
      const { directory } = await backedUp.restore({ at: at + 1, place: open() });
      assert.deepEqual(recordsIn(directory), records);
    }
    const found = await backupPoints(open(), listing);
    assert.deepEqual(
      found.map(({ at, problem }) => [at, problem]),
      points.map(({ at }) => [at, undefined]),
    );
  });

  it('of two that ship at once one is told so, and the backup stays whole', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { backedUp, open } = world;
    await backedUp.ship({ place: open() });
    const [first, second] = [
      await backedUp.shipper({ place: open() }),
      await backedUp.shipper({ place: open() }),
    ];
    await backedUp.append('events', [['ben', 'two']]);
    await first.ship();
    await assert.rejects(second.ship(), { code: 'MR_BACKUP_CONFLICT' });
    const { directory } = await backedUp.restore({ place: open() });
    assert.deepEqual(recordsIn(directory), recordsIn(backedUp.data));
    assert.ok((await backupPoints(open(), listing)).every(({ problem }) => problem === undefined));
  });

  it('a store that is busy, or loses answers, is asked again', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { backedUp, proxy, open } = world;
    let asked = 0;
    proxy.fault = () => [BUSY, 'lost', undefined][asked++ % 3] as typeof BUSY | 'lost' | undefined;
    await backedUp.ship({ place: open() });
    const { directory } = await backedUp.restore({ place: open() });
    assert.deepEqual(recordsIn(directory), recordsIn(backedUp.data));
  });

  for (const [name, fault, code] of [
    ['away', BUSY, 'MR_STORAGE_AWAY'],
    ['full', { status: 507, code: 'InsufficientStorage' }, 'MR_STORAGE_FULL'],
  ] as const) {
    it(`a store that is ${name} in the middle of a shipment: an error, and the next shipment has everything`, async (t) => {
      const world = await opened(t);
      if (world === undefined) return;
      const { backedUp, proxy, open } = world;
      await backedUp.ship({ place: open() });
      await backedUp.append('events', [['ben', 'two']]);
      let writes = 0;
      proxy.fault = ({ method }) => (method === 'PUT' && writes++ > 0 ? fault : undefined);
      await assert.rejects(backedUp.ship({ place: open() }), { code, hint: /storage/ });
      proxy.fault = () => undefined;
      await backedUp.ship({ place: open() });
      const { directory } = await backedUp.restore({ place: open() });
      assert.deepEqual(recordsIn(directory), recordsIn(backedUp.data));
    });
  }

  it('a wrong object is named, and nothing is restored from it', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { backedUp, proxy, open } = world;
    await backedUp.ship({ place: open() });
    proxy.fault = ({ method, url }) => (method === 'GET' && /\/log\//.test(url) ? 'other' : undefined);
    const [point] = await backupPoints(open(), listing);
    assert.match(point?.problem ?? '', /log\//);
    await assert.rejects(backedUp.restore({ place: open() }), {
      code: 'MR_BACKUP_DAMAGED',
      message: /log\//,
    });
  });
});
