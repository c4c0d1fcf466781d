import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { TopicWriter } from '#engine';
import { localArtifacts, openIndex, openVersion, saveItemVectors, vectorBytes } from '#models';
import { Slices } from '#platform';
import { eventually } from '#platform/testing';
import type { Candidate, IndexBuild } from '#schemas';
import { item, itemIds } from '../testing/tiny-model.ts';
import { interaction, openWorld, type TestWorld } from '../testing/world.ts';

const DIM = 16;

/** A world whose user has a row, with a version in force, and what writes vectors and builds of it. */
async function servedWorld(t: TestContext) {
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id) => item(id)));
  await world.putUserRow('user-1', [interaction('user-1', 'item-07')]);
  const candidate = await world.train(DIM, 1);
  await world.promote(candidate);
  const vectors = await TopicWriter.open(world.log, world.topics['item-vectors']);
  const builds = await TopicWriter.open(world.log, world.topics.indexes);
  const putBytes = async (id: string, vector: Buffer | null, version = candidate.version) => {
    const value = { version, item_id: id, ts: 0, vector };
    await vectors.write([{ key: `${version} ${id}`, value, timestamp: 0 }]);
  };
  return {
    world,
    candidate,
    putBytes,
    putVector: (id: string, vector: Float32Array | null, version?: string) =>
      putBytes(id, vector && vectorBytes(vector), version),
    async announce(build: IndexBuild) {
      await builds.write([{ key: build.version, value: build, timestamp: 0 }]);
    },
  };
}

/** An index with these vectors, as the trainer would have built it. */
async function built(
  { dataDirectory }: TestWorld,
  { version, directory }: Candidate,
  vectors: ReadonlyMap<string, Float32Array>,
  vectorsOffset = 0,
): Promise<IndexBuild> {
  const { manifest } = await openVersion(join(dataDirectory, directory));
  const ids = [...vectors.keys()];
  const rows = Float32Array.from(ids.flatMap((id) => [...(vectors.get(id) ?? [])]));
  const store = localArtifacts(join(dataDirectory, 'indexes'));
  const name = await store.write(
    { ...manifest, itemCount: ids.length, indexOf: version },
    { 'items.index': saveItemVectors(rows, DIM), 'items.json': Buffer.from(JSON.stringify(ids)) },
  );
  return {
    version,
    ts: 0,
    command_id: null,
    index: name,
    directory: `indexes/${name}`,
    items: ids.length,
    vectors_offset: vectorsOffset,
    probes: null,
    recall: null,
  };
}

/** Longer than any other, so that its inner product with all that points its way is the highest. */
async function towards(world: TestWorld, { directory }: Candidate, id: string, length = 10) {
  const files = await openVersion(join(world.dataDirectory, directory));
  const index = openIndex(files.read('items.index'));
  const at = itemIds.indexOf(id);
  return (index.vector(at) as Float32Array).map((value) => value * length);
}

const itemsFor = async (responder: Awaited<ReturnType<TestWorld['responder']>>, k = 3) =>
  (await responder.recommend('user-1', { k })).items.map(({ item_id }) => item_id);

describe('the index of a version in use', () => {
  it('finds an item whose vector has come, unless it is unavailable, and no more when it is gone', async (t) => {
    const { world, candidate, putVector } = await servedWorld(t);
    const responder = await world.responder();
    const [best = ''] = await itemsFor(responder, 1);
    const vector = await towards(world, candidate, best);
    await world.putItems([item('fresh-1'), item('fresh-2', { available: false })]);
    await putVector('fresh-2', vector);
    await putVector('fresh-1', vector);
    await eventually(async () => (await itemsFor(responder))[0] === 'fresh-1');
    assert.ok(!(await itemsFor(responder, 100)).includes('fresh-2'));
    await world.putItems([item('fresh-2')]);
    await eventually(async () => (await itemsFor(responder)).includes('fresh-2'));
    // Another process that starts now finds the same.
    assert.deepEqual(await itemsFor(await world.responder(), 20), await itemsFor(responder, 20));

    await putVector('fresh-1', null);
    await eventually(async () => !(await itemsFor(responder, 50)).slice(0, 2).includes('fresh-1'));
    await putVector('fresh-1', vector);
    await eventually(async () => (await itemsFor(responder)).includes('fresh-1'));
  });

  it('takes the vectors of its own version alone', async (t) => {
    const { world, candidate, putVector } = await servedWorld(t);
    const responder = await world.responder();
    const [best = ''] = await itemsFor(responder, 1);
    await world.putItems([item('fresh-1'), item('fresh-2')]);
    await putVector('fresh-1', await towards(world, candidate, best), 'another version');
    await putVector('fresh-2', await towards(world, candidate, best));
    await eventually(async () => (await itemsFor(responder))[0] === 'fresh-2');
    assert.ok(!(await itemsFor(responder)).includes('fresh-1'));
  });

  it('leaves an item out whose vector is unfit, and goes on with the others', async (t) => {
    const { world, candidate, putVector, putBytes } = await servedWorld(t);
    const responder = await world.responder();
    const all = await itemsFor(responder, 20);
    const best = all[0] as string;
    const vector = await towards(world, candidate, best);
    await world.putItems([item('fresh-1')]);
    await putVector(best, vector.subarray(1));
    await putVector(all[1] as string, vector.with(3, Number.NaN));
    await putBytes(all[2] as string, Buffer.alloc(5));
    await putVector('fresh-1', vector);
    await eventually(async () => (await itemsFor(responder))[0] === 'fresh-1');
    const left = ['fresh-1', ...all.slice(3)];
    assert.deepEqual((await itemsFor(responder, 20)).slice(0, left.length), left);
    assert.deepEqual(await itemsFor(await world.responder(), 20), await itemsFor(responder, 20));
    await putVector(best, vector);
    await eventually(async () => (await itemsFor(responder, 2)).includes(best));
  });

  it('is exchanged for a build of the catalogue, with the vectors that have come since', async (t) => {
    const { world, candidate, putVector, announce } = await servedWorld(t);
    const responder = await world.responder();
    const [best = ''] = await itemsFor(responder, 1);
    await world.putItems([item('fresh-1'), item('fresh-2'), item('fresh-3')]);
    await putVector('fresh-1', await towards(world, candidate, best, 30));
    await putVector('fresh-2', await towards(world, candidate, best, 20));
    const vectors = new Map([
      // Older than what the topic has had since.
      ['fresh-2', await towards(world, candidate, best, -20)],
      ['fresh-3', await towards(world, candidate, best, 10)],
      ['item-01', await towards(world, candidate, 'item-01', 1)],
    ]);
    await announce(await built(world, candidate, vectors, 1));
    const expected = ['fresh-2', 'fresh-3', 'item-01'];
    await eventually(async () => (await itemsFor(responder)).join() === expected.join());
    assert.deepEqual(await itemsFor(await world.responder()), expected);
    await putVector('fresh-1', await towards(world, candidate, best, 30));
    await eventually(async () => (await itemsFor(responder))[0] === 'fresh-1');
  });

  it('misses no vector that comes while a build is brought up to date', async (t) => {
    const { world, candidate, putVector, announce } = await servedWorld(t);
    const responder = await world.responder();
    const [best = ''] = await itemsFor(responder, 1);
    const fresh = Array.from({ length: 30 }, (_, i) => `fresh-${i}`);
    await world.putItems(fresh.map((id) => item(id)));
    for (const id of fresh) await putVector(id, await towards(world, candidate, best, 2));
    const vectors = new Map([['item-01', await towards(world, candidate, 'item-01', 1)]]);
    // Each change is a slice of its own.
    t.mock.getter(Slices.prototype, 'isOver', () => true);
    const build = await built(world, candidate, vectors, 0);
    const longer = await towards(world, candidate, best, 3);
    const kept = new Set(fresh);
    const isLoaded = async () =>
      (await world.metrics.render()).includes('index_loads_total{outcome="loaded"} 1');
    await announce(build);
    for (let i = 0; i < fresh.length || !(await isLoaded()); i++) {
      const id = fresh[i % fresh.length] as string;
      const goes = i % 7 < 4;
      await putVector(id, goes ? null : longer);
      if (goes) kept.delete(id);
      else kept.add(id);
    }
    // Those that are not in the index fill up longer answers.
    const found = async () => (await itemsFor(responder, kept.size)).sort();
    await eventually(async () => (await found()).join() === [...kept].sort().join());
  });

  it('goes on where a build is damaged, is of another version, or is gone', async (t) => {
    const { world, candidate, announce, putVector } = await servedWorld(t);
    const responder = await world.responder();
    const before = await itemsFor(responder, 20);
    const vectors = new Map([['item-01', await towards(world, candidate, 'item-01', 1)]]);
    const damaged = await built(world, candidate, vectors);
    writeFileSync(join(world.dataDirectory, damaged.directory, 'items.index'), 'no index');
    const other = await world.train(DIM, 2);
    const others = await built(world, other, vectors);
    await announce(damaged);
    await announce({ ...others, version: candidate.version });
    await announce({ ...damaged, index: 'f'.repeat(16), directory: `indexes/${'f'.repeat(16)}` });
    await eventually(async () => (await world.metrics.render()).includes('MR_VERSION_MISSING'));
    assert.match(await world.metrics.render(), /index_loads_total\{outcome="MR_VERSION_CORRUPT"\} 2/);
    assert.deepEqual(await itemsFor(responder, 20), before);
    assert.deepEqual(await itemsFor(await world.responder(), 20), before, 'and so do those that start now');
    await world.putItems([item('fresh-1')]);
    await putVector('fresh-1', await towards(world, candidate, before[0] as string));
    await eventually(async () => (await itemsFor(responder))[0] === 'fresh-1');
  });
});
