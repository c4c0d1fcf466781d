import assert from 'node:assert/strict';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TopicWriter } from '#engine';
import { ownerHasLooked } from '#jobs/testing';
import { openIndex, openVersion, vectorOf } from '#models';
import { item, readAll, type SmallWorld, write } from '#offline/testing';
import { eventually } from '#platform/testing';
import type { Item, ItemVector } from '#schemas';
import {
  clock,
  jobRuns,
  trainerOf,
  whileDeciding,
  whileRunning,
  whileScheduling,
  world,
} from '../testing/running.ts';
import { defaultTraining } from '../trainer-options.ts';

const putItems = ({ log, topics }: SmallWorld, items: readonly Item[]) =>
  write(log, topics.items, items, ({ item_id }) => item_id);

/** The last vector of each item that the topic has. */
async function vectorsOn({ log, topics }: SmallWorld): Promise<Map<string, ItemVector>> {
  const records = await readAll(log, topics['item-vectors']);
  return new Map(records.flatMap(({ value }) => (value === null ? [] : [[value.item_id, value]])));
}

const vectorOn = (opened: SmallWorld, id: string, unlike?: Buffer | null) =>
  eventually(async () => {
    const found = (await vectorsOn(opened)).get(id);
    return found === undefined || (unlike !== undefined && same(found.vector, unlike)) ? undefined : found;
  });

const same = (a: Buffer | null, b: Buffer | null) => (a === null || b === null ? a === b : a.equals(b));

test('an item that is new, or described otherwise, gets a vector of the version in force; one that is gone loses it', async (t) => {
  const opened = await world(t);
  const trainer = trainerOf(opened);
  await whileDeciding(opened, () =>
    whileRunning(trainer, async () => {
      const { version } = await trainer.train({ seed: 7 });
      const fresh = { ...item('fresh'), category: 'c1', title: 'Something new' };
      await putItems(opened, [fresh]);
      const first = await vectorOn(opened, 'fresh');
      assert.equal(first.version, version);
      assert.equal(vectorOf(first.vector as Buffer).length, 8);
      assert.deepEqual(
        [...(await vectorsOn(opened)).keys()],
        ['fresh'],
        'those that were trained have theirs',
      );

      await putItems(opened, [{ ...fresh, title: 'Quite another name' }]);
      const second = await vectorOn(opened, 'fresh', first.vector);
      assert.ok(second.vector !== null);
      await write(
        opened.log,
        opened.topics.items,
        [{ ...item('i0'), title: 'The first, renamed' }],
        () => 'i0',
      );
      await vectorOn(opened, 'i0');

      const gone = await TopicWriter.open(opened.log, opened.topics.items);
      await gone.write([{ key: 'fresh', value: null, timestamp: 0 }]);
      await gone.close();
      assert.equal((await vectorOn(opened, 'fresh', second.vector)).vector, null);
    }),
  );
});

test('a rebuilt index holds the whole catalogue, by the vectors that single items got', async (t) => {
  const opened = await world(t);
  const trainer = trainerOf(opened);
  await whileDeciding(opened, () =>
    whileRunning(trainer, async () => {
      await assert.rejects(trainer.reindex(), { code: 'MR_REINDEX_NO_VERSION' });
      const { version } = await trainer.train({ seed: 7 });
      await putItems(opened, [item('fresh'), item('fresher')]);
      const written = await vectorOn(opened, 'fresher');
      const build = await trainer.reindex();
      assert.equal(build.version, version);
      assert.equal(build.items, 32);
      const files = await openVersion(join(opened.dataDirectory, build.directory));
      assert.equal(files.version, build.index);
      assert.equal(files.manifest.indexOf, version);
      const ids = JSON.parse(files.read('items.json').toString()) as string[];
      assert.deepEqual(ids, ids.toSorted());
      const index = openIndex(files.read('items.index'));
      assert.equal(index.size, 32);
      assert.deepEqual(index.vector(ids.indexOf('fresher')), vectorOf(written.vector as Buffer));
      assert.deepEqual(
        (await trainer.reindex()).index,
        build.index,
        'an equal catalogue gives the same index',
      );
      const [event] = await readAll(opened.log, opened.topics.indexes);
      assert.deepEqual(event?.value, build);
      assert.deepEqual(readdirSync(join(opened.dataDirectory, 'indexes')), [build.index]);
    }),
  );
});

test('what was written before a restart is not written again', async (t) => {
  const opened = await world(t);
  await whileDeciding(opened, async () => {
    const first = trainerOf(opened);
    await whileRunning(first, async () => {
      await first.train({ seed: 7 });
      await putItems(opened, [item('fresh')]);
      await vectorOn(opened, 'fresh');
    });
    const second = trainerOf(opened);
    await whileRunning(second, async () => {
      await putItems(opened, [item('fresher')]);
      await vectorOn(opened, 'fresher');
    });
  });
  assert.equal((await readAll(opened.log, opened.topics['item-vectors'])).length, 2);
});

test('an item whose vector on the topic is unfit gets another one at the next start', async (t) => {
  const opened = await world(t);
  const { log, topics } = opened;
  await whileDeciding(opened, async () => {
    const first = trainerOf(opened);
    const vectors = await whileRunning(first, async () => {
      await first.train({ seed: 7 });
      await putItems(opened, [item('f1'), item('f2')]);
      await vectorOn(opened, 'f2');
      return vectorsOn(opened);
    });
    const writer = await TopicWriter.open(log, topics['item-vectors']);
    const unfit = [...vectors.values()].map((value, i) => ({
      key: `${value.version} ${value.item_id}`,
      value: { ...value, vector: Buffer.alloc(i === 0 ? 5 : 64) },
      timestamp: 0,
    }));
    await writer.write(unfit);
    await writer.close();
    await whileRunning(trainerOf(opened), async () => {
      for (const { key, value } of unfit) await vectorOn(opened, key.split(' ')[1] as string, value.vector);
    });
    assert.deepEqual(await vectorsOn(opened).then(bytesOf), bytesOf(vectors));
  });
});

const bytesOf = (vectors: ReadonlyMap<string, ItemVector>) =>
  new Map(Array.from(vectors, ([id, { vector }]) => [id, vector]));

test('new items get their vectors once the files of the version are back', async (t) => {
  const opened = await world(t);
  const directory = join(opened.dataDirectory, 'versions');
  await whileDeciding(opened, async () => {
    const first = trainerOf(opened);
    await whileRunning(first, () => first.train({ seed: 7 }));
    renameSync(directory, `${directory}-away`);
    await whileRunning(trainerOf(opened), async () => {
      await putItems(opened, [item('fresh')]);
      await clock.sleep(5000);
      assert.equal((await vectorsOn(opened)).size, 0);
      renameSync(`${directory}-away`, directory);
      await vectorOn(opened, 'fresh');
    });
  });
});

test('at its time an index is built where items have changed, and only then', async (t) => {
  const opened = await world(t);
  const training = { ...defaultTraining, reindex: '* * * * *' };
  let aheadMs = 0;
  const ahead = { ...clock, now: () => clock.now() + aheadMs };
  const trainer = trainerOf(opened, { training, clock: ahead });
  const scheduled = { training, clock: ahead };
  await whileDeciding(opened, () =>
    whileRunning(trainer, () =>
      whileScheduling(opened, scheduled, async () => {
        await trainer.train({ seed: 7 });
        aheadMs += 120_000;
        await putItems(opened, [item('fresh')]);
        await vectorOn(opened, 'fresh');
        aheadMs += 120_000;
        const builds = () => readAll(opened.log, opened.topics.indexes);
        const build = await eventually(async () => (await builds())[0]?.value ?? undefined);
        assert.equal(build.items, 31);
        await eventually(async () =>
          (await jobRuns(opened)).join() === 'reindex cron succeeded' ? true : undefined,
        );
        aheadMs += 120_000;
        await ownerHasLooked(opened);
        assert.equal((await jobRuns(opened)).length, 1);
      }),
    ),
  );
});

test('a model that learns items by themselves alone has no index built, and new items get no vectors', async (t) => {
  const opened = await world(t);
  const trainer = trainerOf(opened, { training: { ...defaultTraining, models: ['item-knn'] }, config: {} });
  await whileDeciding(opened, () =>
    whileRunning(trainer, async () => {
      await trainer.train({ seed: 7 });
      await assert.rejects(trainer.reindex(), { code: 'MR_REINDEX_MODEL' });
      await putItems(opened, [item('fresh')]);
      await trainer.train({ seed: 8, force: true });
    }),
  );
  assert.equal((await vectorsOn(opened)).size, 0);
});
