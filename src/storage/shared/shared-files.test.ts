import assert from 'node:assert/strict';
import { readdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fingerprint } from '#platform';
import { s3Server } from '#servers';
import { folderStore } from '../folder/folder-store.ts';
import { FaultyProxy } from '../testing/faulty-proxy.ts';
import { aFolder, machine, NOW, sameMachine } from '../testing/machine.ts';
import { storeAt } from '../testing/s3.ts';

const MINUTE_MS = 60_000;

describe('shared files', () => {
  it('a directory that one machine has published is brought to another', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    here.write('versions/v1/manifest.json', '{}');
    here.write('versions/v1/weights', 'of the network');
    await here.files.publish('versions/v1');
    assert.equal(await there.files.bring('versions/v1'), true);
    assert.equal(there.read('versions/v1/weights'), 'of the network');
    assert.deepEqual(readdirSync(join(there.directory, 'versions/v1')), ['manifest.json', 'weights']);
    assert.deepEqual(readdirSync(join(there.directory, 'versions')), ['v1'], 'nothing is left beside it');
    assert.equal(await there.files.bring('versions/v2'), false);
    assert.ok(!there.has('versions/v2'));
    assert.deepEqual(await there.files.names('versions'), ['v1']);
    assert.ok((await there.files.stat('versions/v1')).bytes > 16);
    assert.deepEqual(await there.files.stat('versions/v2'), { bytes: 0, writtenMs: 0 });
  });

  it('what was not written to its end is not there', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    here.write('versions/v1/a', 'one');
    here.write('versions/v1/b', 'two');
    const { put } = store;
    store.put = async (name, content) => {
      if (name.includes('.files~')) throw new Error('ends here');
      return put.call(store, name, content);
    };
    await assert.rejects(here.files.publish('versions/v1'), /ends here/);
    assert.equal(await there.files.bring('versions/v1'), false);
    assert.deepEqual(await there.files.names('versions'), ['v1'], 'for whoever tidies up');
    await there.files.remove('versions/v1');
    assert.deepEqual(await store.list('versions'), []);
  });

  it('a removal that is cut off leaves nothing that counts as there', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    for (const name of ['a', 'b']) here.write(`versions/v1/${name}`, name);
    await here.files.publish('versions/v1');
    const { remove } = store;
    let removed = 0;
    store.remove = async (name) => {
      if (removed++ > 0) throw new Error('ends here');
      return remove.call(store, name);
    };
    await assert.rejects(here.files.remove('versions/v1'), /ends here/);
    assert.equal(await there.files.bring('versions/v1'), false);
    store.remove = remove;
    await there.files.remove('versions/v1');
    assert.deepEqual(await there.files.names('versions'), []);
  });

  it('what is removed while it is brought is not there, which is no error', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    here.write('versions/v1/a', 'a');
    await here.files.publish('versions/v1');
    const { download } = store;
    store.download = async (...given) => {
      await here.files.remove('versions/v1');
      return download.apply(store, given);
    };
    assert.equal(await there.files.bring('versions/v1'), false);
    assert.deepEqual(readdirSync(join(there.directory, 'versions')), []);
  });

  it('two processes of one data directory bring the same at once', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    here.write('versions/v1/a', 'a');
    await here.files.publish('versions/v1');
    const other = sameMachine(there, folderStore(store.name));
    const { download } = store;
    store.download = async (...given) => {
      assert.equal(await other.files.bring('versions/v1'), true);
      return download.apply(store, given);
    };
    assert.equal(await there.files.bring('versions/v1'), true);
    assert.equal(there.read('versions/v1/a'), 'a');
    assert.deepEqual(readdirSync(join(there.directory, 'versions')), ['v1']);
  });

  it('a directory that is published again is as it is now, and as if just written', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    const age = async () => {
      const objects = (await store.list('versions')).map(({ name }) => join(store.name, name));
      for (const object of objects) utimesSync(object, NOW / 1_000, NOW / 1_000);
    };
    here.write('versions/v1/a', 'a');
    await here.files.publish('versions/v1');
    await age();
    await here.files.publish('versions/v1');
    assert.ok((await here.files.stat('versions/v1')).writtenMs > NOW);
    await age();
    here.write('versions/v1/b', 'b');
    await here.files.publish('versions/v1');
    await there.files.bring('versions/v1');
    assert.deepEqual(readdirSync(join(there.directory, 'versions/v1')), ['a', 'b']);
  });

  it('a damaged directory is replaced when its reader says so, a damaged file at once', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    here.write('versions/v1/a', 'whole');
    here.write('offline/x.parquet', 'rows');
    await here.files.publish('versions/v1');
    const written = await fingerprint(join(here.directory, 'offline/x.parquet'));
    await here.files.publishFile('offline/x.parquet', written);
    await there.files.bring('versions/v1');
    there.write('versions/v1/a', 'wh');
    await there.files.bring('versions/v1', { isDamaged: true });
    assert.equal(there.read('versions/v1/a'), 'whole');
    there.write('offline/x.parquet', 'row');
    await there.files.bringFile('offline/x.parquet', written);
    assert.equal(there.read('offline/x.parquet'), 'rows');
  });

  it('several that need the same bring it once', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    here.write('versions/v1/a', 'x');
    await here.files.publish('versions/v1');
    let downloads = 0;
    const { download } = store;
    store.download = (...given) => {
      downloads++;
      return download.apply(store, given);
    };
    const all = await Promise.all([1, 2, 3].map(() => there.files.bring('versions/v1')));
    assert.deepEqual([all, downloads], [[true, true, true], 1]);
  });

  it('copies are bounded: those used longest ago go, and come again when they are needed', async (t) => {
    const store = aFolder(t);
    const here = machine(t, store, 250);
    for (const name of ['a', 'b', 'c']) {
      here.write(`versions/${name}/x`, name.repeat(100));
      await here.files.publish(`versions/${name}`);
      await here.clock.advance(20 * MINUTE_MS);
      if (name === 'b') await here.files.bring('versions/a');
    }
    here.write('versions/own/x', 'never published');
    assert.ok(here.has('versions/a') && !here.has('versions/b') && here.has('versions/c'));
    assert.match(await here.metrics.render(), /storage_evictions_total 1\n/);
    assert.match(await here.metrics.render(), /storage_copies_bytes 200\n/);
    assert.equal(await here.files.bring('versions/b'), true);
    assert.equal(here.read('versions/b/x'), 'b'.repeat(100));
    assert.ok(here.has('versions/own'), 'what only this machine has stays');
  });

  it('what was used within ten minutes stays, whatever the bound', async (t) => {
    const here = machine(t, aFolder(t), 50);
    for (const name of ['a', 'b']) {
      here.write(`versions/${name}/x`, name.repeat(100));
      await here.files.publish(`versions/${name}`);
      await here.clock.advance(9 * MINUTE_MS);
    }
    assert.ok(here.has('versions/a') && here.has('versions/b'));
    assert.match(await here.metrics.render(), /storage_copies_bytes 200\n/);
  });

  it('what was removed elsewhere goes here as well, and what was never published stays', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    for (const path of [
      'versions/gone/x',
      'versions/kept/x',
      'offline/d/gone.parquet',
      'offline/d/kept.parquet',
    ])
      here.write(path, path);
    for (const name of ['gone', 'kept']) {
      await here.files.publish(`versions/${name}`);
      await here.files.publishFile(`offline/d/${name}.parquet`);
      await there.files.bring(`versions/${name}`);
      const path = `offline/d/${name}.parquet`;
      await there.files.bringFile(path, await fingerprint(join(here.directory, path)));
    }
    there.write('versions/own/x', 'own');
    await here.files.remove('versions/gone');
    await here.files.removeFile('offline/d/gone.parquet');
    assert.ok(!here.has('versions/gone') && !here.has('offline/d/gone.parquet'));
    await there.files.removeOrphans();
    assert.deepEqual(readdirSync(join(there.directory, 'versions')), ['kept', 'own']);
    assert.deepEqual(readdirSync(join(there.directory, 'offline/d')), ['kept.parquet']);
  });
});

describe('what no event names', () => {
  it('is removed after an hour, unless it was written again', async (t) => {
    const store = aFolder(t);
    const here = machine(t, store);
    const written: number[] = [];
    const paths = ['offline/old', 'offline/young', 'offline/again'];
    for (const path of paths) {
      here.write(path, path);
      await here.files.publishFile(path);
    }
    const listed = await here.files.publishedFiles('offline');
    for (const { writtenMs } of listed) written.push(writtenMs);
    const removed = async (path: string) => {
      const file = listed.find((each) => each.path === path);
      assert.ok(file);
      return here.files.removeUnnamed(file);
    };
    await here.clock.advance(Math.max(...written) - NOW + 30 * MINUTE_MS);
    assert.equal(await removed('offline/young'), false);
    await here.clock.advance(40 * MINUTE_MS);
    await here.files.publishFile('offline/again');
    assert.deepEqual([await removed('offline/old'), await removed('offline/again')], [true, false]);
    assert.deepEqual(
      (await here.files.publishedFiles('offline')).map(({ path }) => path),
      ['offline/again', 'offline/young'],
    );
  });

  it('directories of before there was a store are put into it, copies are not', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    here.write('versions/old/x', 'x');
    here.write('versions/.partial-new/x', 'x');
    await here.files.publishOwn('versions');
    await here.files.publishOwn('indexes');
    assert.deepEqual(await there.files.names('versions'), ['old']);
    await there.files.bring('versions/old');
    await here.files.remove('versions/old');
    await there.files.publishOwn('versions');
    assert.deepEqual(await here.files.names('versions'), [], 'what was removed does not come back');
  });
});

describe('a wrong object', () => {
  async function published(t: TestContext) {
    const server = await s3Server(t);
    if (server === undefined) return undefined;
    const proxy = await FaultyProxy.open(t, server.url);
    const store = storeAt(t, proxy.url, `s3://${await server.bucket()}`);
    const [here, there] = [machine(t, store), machine(t, store)];
    here.write('versions/v1/weights', 'of the network');
    await here.files.publish('versions/v1');
    return { proxy, store, here, there };
  }
  const weights = ({ method, url }: { method: string; url: string }) =>
    method === 'GET' && url.includes('/weights');
  const listing = ({ method, url }: { method: string; url: string }) =>
    method === 'GET' && url.includes('.files~') && !url.includes('list-type');

  for (const fault of ['shortened', 'other'] as const) {
    it(`${fault} bytes are asked for again; an error names the object where they stay so`, async (t) => {
      const world = await published(t);
      if (world === undefined) return;
      const { proxy, there } = world;
      proxy.fault = (asked) => (weights(asked) ? fault : undefined);
      await assert.rejects(there.files.bring('versions/v1'), {
        code: 'MR_STORAGE_OBJECT_WRONG',
        message: /^versions\/v1\/weights~[0-9a-f]{64} in s3:\/\/bucket-/,
        hint: /option storage/,
      });
      assert.equal(proxy.asked.filter(weights).length, 3);
      assert.ok(!there.has('versions/v1'), 'nothing of it is there');
      assert.deepEqual(readdirSync(join(there.directory, 'versions')), []);
      proxy.next([fault, fault], weights);
      assert.equal(await there.files.bring('versions/v1'), true);
      assert.equal(there.read('versions/v1/weights'), 'of the network');
      assert.match(await there.metrics.render(), /storage_wrong_objects_total 5\n/);
    });
  }

  it('a listing that is another is not believed', async (t) => {
    const world = await published(t);
    if (world === undefined) return;
    world.proxy.fault = (asked) => (listing(asked) ? 'other' : undefined);
    await assert.rejects(world.there.files.bring('versions/v1'), {
      code: 'MR_STORAGE_OBJECT_WRONG',
      message: /^versions\/v1\/\.files~/,
    });
  });

  it('an object that is gone is named', async (t) => {
    const world = await published(t);
    if (world === undefined) return;
    const { store, here, there } = world;
    const [object] = (await store.list('versions/v1/weights~')).map(({ name }) => name);
    await store.remove(object ?? '');
    const gone = { code: 'MR_STORAGE_OBJECT_MISSING', message: `${object} is not in ${store.name}.` };
    await assert.rejects(there.files.bring('versions/v1'), gone);
    await here.files.publish('versions/v1');
    rmSync(join(here.directory, 'versions'), { recursive: true });
    assert.equal(await there.files.bring('versions/v1'), true, 'publishing it again repairs it');
  });
});
