import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually, temporaryDirectory } from '#platform/testing';
import { s3Server } from '#servers';
import { type Fault, FaultyProxy, sharedFilesAt } from '#storage/testing';
import { item, itemIds } from './testing/tiny-model.ts';
import { openWorld } from './testing/world.ts';

/** A version whose files are in a bucket, and a responder with an empty data directory, both behind a proxy. */
async function opened(t: TestContext) {
  const server = await s3Server(t);
  if (server === undefined) return undefined;
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id) => item(id)));
  const candidate = await world.train(16, 1);
  const address = `s3://${await server.bucket()}`;
  await sharedFilesAt(t, server.url, address, world.dataDirectory).publish(candidate.directory);
  const proxy = await FaultyProxy.open(t, server.url);
  const dataDirectory = temporaryDirectory(t);
  const files = sharedFilesAt(t, proxy.url, address, dataDirectory);
  await world.promote(candidate);
  return { world, proxy, candidate, open: () => world.responder({ dataDirectory, files }) };
}

describe('a responder with an empty data directory', () => {
  const faults: readonly (readonly [string, Fault, string])[] = [
    ['is away', { status: 503, code: 'SlowDown' }, 'MR_STORAGE_AWAY'],
    ['has a wrong object', 'other', 'MR_STORAGE_OBJECT_WRONG'],
    ['has lost an object', { status: 404, code: 'NoSuchKey' }, 'MR_STORAGE_OBJECT_MISSING'],
  ];
  for (const [name, fault, code] of faults) {
    it(`answers with popular items while the store ${name}, and from the version once that has passed`, async (t) => {
      const world = await opened(t);
      if (world === undefined) return;
      const { proxy, candidate, open } = world;
      proxy.fault = ({ url }) => (url.includes('.onnx~') ? fault : undefined);
      const responder = await open();
      const loads = new RegExp(`millrace_version_loads_total\\{outcome="${code}"\\} [1-9]`);
      await eventually(async () => loads.test(await world.world.metrics.render()));
      assert.equal(responder.version, undefined);
      assert.ok((await responder.recommend('somebody')).items.length > 0);
      proxy.fault = () => undefined;
      await eventually(() => responder.version === candidate.version);
    });
  }
});
