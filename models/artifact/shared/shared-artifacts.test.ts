import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { s3Server } from '#servers';
import { FaultyProxy, sharedFilesAt } from '#storage/testing';
import { artifactsIn } from './shared-artifacts.ts';

const described = {
  model: 'two-tower',
  snapshotId: '0123456789abcdef',
  seed: 1,
  dimension: 8,
  itemCount: 3,
  protocol: 'per-user-last-20%',
  metrics: {},
  popularity: {},
  decayedPopularity: {},
};
const contents = { 'user-tower.onnx': Buffer.from('tower'), 'items.index': Buffer.from([0, 1, 2, 255]) };

/** Two machines on one bucket, behind a proxy. */
async function opened(t: TestContext) {
  const server = await s3Server(t);
  if (server === undefined) return undefined;
  const proxy = await FaultyProxy.open(t, server.url);
  const address = `s3://${await server.bucket()}/m`;
  const machine = () => {
    const dataDirectory = temporaryDirectory(t);
    const files = sharedFilesAt(t, proxy.url, address, dataDirectory);
    return { dataDirectory, artifacts: artifactsIn({ dataDirectory, files }, 'versions') };
  };
  return { proxy, here: machine(), there: machine() };
}

describe('versions in an object store', () => {
  it('what one machine has written another opens, lists and measures', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { here, there } = world;
    const version = await here.artifacts.write(described, contents);
    assert.deepEqual(await there.artifacts.list(), [version]);
    assert.ok((await there.artifacts.stat(version)).bytes > 9);
    const files = await there.artifacts.open(version);
    assert.deepEqual(files.read('items.index'), contents['items.index']);
    const { writtenMs } = await there.artifacts.stat(version);
    assert.ok(writtenMs > 0 && writtenMs <= systemClock.now() + 1_000);
    assert.equal(await there.artifacts.write(described, contents), version, 'the same is the same there');
    await assert.rejects(there.artifacts.open('0'.repeat(16)), { code: 'MR_VERSION_MISSING' });
    await assert.rejects(there.artifacts.open('../x'), { code: 'MR_VERSION_MISSING' });
  });

  it('a copy that is damaged or gone is replaced', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { here, there } = world;
    const version = await here.artifacts.write(described, contents);
    await there.artifacts.open(version);
    writeFileSync(join(there.dataDirectory, 'versions', version, 'items.index'), 'else');
    assert.deepEqual((await there.artifacts.open(version)).read('items.index'), contents['items.index']);
    rmSync(join(there.dataDirectory, 'versions'), { recursive: true });
    assert.deepEqual((await there.artifacts.open(version)).read('items.index'), contents['items.index']);
  });

  it('what was removed is gone from the store and from here, and may be written again', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { here, there } = world;
    const version = await here.artifacts.write(described, contents);
    await there.artifacts.open(version);
    await there.artifacts.remove(version);
    assert.ok(!existsSync(join(there.dataDirectory, 'versions', version)));
    assert.deepEqual(await there.artifacts.list(), []);
    await assert.rejects(there.artifacts.open(version), { code: 'MR_VERSION_MISSING' });
    await here.artifacts.write(described, contents);
    assert.deepEqual(await there.artifacts.list(), [version]);
  });

  it('a store that is away: what is here is still opened, what is not says why, and nothing written is lost', async (t) => {
    const world = await opened(t);
    if (world === undefined) return;
    const { proxy, here, there } = world;
    const version = await here.artifacts.write(described, contents);
    proxy.fault = () => ({ status: 503, code: 'SlowDown' });
    assert.equal((await here.artifacts.open(version)).version, version);
    const away = { code: 'MR_STORAGE_AWAY', hint: /options storage/ };
    await assert.rejects(there.artifacts.open(version), away);
    await assert.rejects(here.artifacts.write({ ...described, seed: 2 }, contents), away);
    proxy.fault = () => undefined;
    const other = await here.artifacts.write({ ...described, seed: 2 }, contents);
    assert.equal((await there.artifacts.open(other)).manifest.seed, 2);
  });
});
