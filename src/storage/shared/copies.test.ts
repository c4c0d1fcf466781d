import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createMetrics, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { folderStore } from '../folder/folder-store.ts';
import { aFolder, HOUR_MS, machine, NOW, sameMachine } from '../testing/machine.ts';
import { Copies } from './copies.ts';
import { fingerprintOf, objectOf } from './object-names.ts';

describe('copies', () => {
  it('of another store count as what only this machine has, and are put into the new one', async (t) => {
    const before = machine(t, aFolder(t));
    before.write('versions/v1/a', 'x');
    await before.files.publish('versions/v1');
    const here = sameMachine(before, aFolder(t), 0);
    await here.clock.advance(HOUR_MS);
    await here.files.removeOrphans();
    assert.ok(here.has('versions/v1'));
    await here.files.publishOwn('versions');
    assert.deepEqual(await here.files.names('versions'), ['v1']);
  });

  it('stay where the store has lost everything', async (t) => {
    const store = aFolder(t);
    const here = machine(t, store);
    for (const path of ['versions/v1', 'versions/v2']) {
      here.write(`${path}/a`, 'x');
      await here.files.publish(path);
    }
    await here.files.removeOrphans();
    rmSync(store.name, { recursive: true });
    await here.files.removeOrphans();
    assert.ok(here.has('versions/v1') && here.has('versions/v2'));
  });

  it('are known before they are there, so that nobody takes them for what only this machine has', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    here.write('versions/v1/a', 'x');
    here.write('offline/d/x.parquet', 'rows');
    await here.files.publish('versions/v1');
    await here.files.publishFile('offline/d/x.parquet');
    there.write('copies', 'no directory');
    await assert.rejects(there.files.bring('versions/v1'));
    await assert.rejects(there.files.bringFile('offline/d/x.parquet', fingerprintOf(Buffer.from('rows'))));
    assert.ok(!there.has('versions/v1') && !there.has('offline/d/x.parquet'));
  });

  it('for whose entry the disk has no room are not there', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store)];
    here.write('versions/v1/a', 'x');
    await here.files.publish('versions/v1');
    mkdirSync(join(there.directory, 'copies/versions'), { recursive: true });
    symlinkSync('/dev/full', join(there.directory, 'copies/versions/v1'));
    await assert.rejects(there.files.bring('versions/v1'), { code: 'MR_DISK_FULL' });
    assert.ok(!there.has('versions/v1'));
  });

  it('that a killed process had half written are removed an hour later, and what others write stays', async (t) => {
    const here = machine(t, aFolder(t));
    here.write('versions/v1/a', 'x');
    await here.files.publish('versions/v1');
    const asides = ['.partial-copy-v2-killed', '.partial-copy-v3-at-work', '.partial-of-another-room'];
    for (const aside of asides) here.write(`versions/${aside}/a`, 'of a user');
    const at = (ms: number) => new Date(NOW + ms);
    for (const aside of asides) {
      for (const path of [`versions/${aside}/a`, `versions/${aside}`])
        utimesSync(join(here.directory, path), at(0), at(0));
    }
    utimesSync(join(here.directory, 'versions/.partial-copy-v3-at-work/a'), at(HOUR_MS), at(HOUR_MS));
    await here.clock.advance(HOUR_MS - 1);
    await here.files.removeOrphans();
    assert.deepEqual(readdirSync(join(here.directory, 'versions')), [...asides, 'v1']);
    await here.clock.advance(2);
    await here.files.removeOrphans();
    assert.deepEqual(readdirSync(join(here.directory, 'versions')), [...asides.slice(1), 'v1']);
  });

  it('of which only the entry is there count for nothing', async (t) => {
    const here = machine(t, aFolder(t), 100);
    for (const name of ['gone', 'here']) {
      here.write(`versions/${name}/x`, name.repeat(15));
      await here.files.publish(`versions/${name}`);
    }
    rmSync(join(here.directory, 'versions/gone'), { recursive: true });
    await here.clock.advance(HOUR_MS);
    here.write('versions/new/x', 'x');
    await here.files.publish('versions/new');
    assert.ok(here.has('versions/here'));
    assert.match(await here.metrics.render(), /storage_copies_bytes 61\n/);
  });

  it('fill the bound to its last byte', async (t) => {
    const here = machine(t, aFolder(t), 200);
    for (const [name, bytes] of [
      ['a', 100],
      ['b', 100],
      ['c', 1],
    ] as const) {
      here.write(`versions/${name}/x`, 'x'.repeat(bytes));
      await here.files.publish(`versions/${name}`);
      assert.equal(here.has('versions/a'), name !== 'c');
      await here.clock.advance(HOUR_MS);
    }
  });

  it('of files count as those of directories do', async (t) => {
    const store = aFolder(t);
    const [here, there] = [machine(t, store), machine(t, store, 250)];
    const bring = async (name: string) => {
      const bytes = Buffer.from(name.repeat(100));
      here.write(`offline/${name}`, bytes.toString());
      await here.files.publishFile(`offline/${name}`);
      await there.files.bringFile(`offline/${name}`, fingerprintOf(bytes));
      await there.clock.advance(HOUR_MS);
    };
    for (const name of ['a', 'b', 'a', 'c']) await bring(name);
    assert.ok(there.has('offline/a') && !there.has('offline/b') && there.has('offline/c'));
  });

  it('that come into use while others go stay', async (t) => {
    const dataDirectory = temporaryDirectory(t);
    let used: string | undefined;
    const now = () => {
      if (used !== undefined) utimesSync(join(dataDirectory, 'copies/versions', used), NOW / 1e3, NOW / 1e3);
      return NOW;
    };
    const environment = {
      store: { name: 'a store' },
      dataDirectory,
      limitBytes: 0,
      metrics: createMetrics(),
    };
    const copies = new Copies({ ...environment, clock: { ...systemClock, now } });
    for (const name of ['a', 'b']) {
      mkdirSync(join(dataDirectory, 'versions', name), { recursive: true });
      await copies.note(`versions/${name}`, 1);
      utimesSync(join(dataDirectory, 'copies/versions', name), 1, 1);
    }
    used = 'a';
    await copies.evict();
    assert.deepEqual(readdirSync(join(dataDirectory, 'versions')), ['a']);
  });
});

describe('a listing that another has written', () => {
  for (const text of [
    JSON.stringify([{ name: '../../escaped', ...fingerprintOf(Buffer.from('x')) }]),
    JSON.stringify([{ name: '..', ...fingerprintOf(Buffer.from('x')) }]),
    '{"name":"a"}',
    '[',
  ]) {
    it(`${text.slice(0, 30)} writes nothing`, async (t) => {
      const store = folderStore(join(temporaryDirectory(t), 'store'));
      const here = machine(t, store);
      const bytes = Buffer.from(text);
      await store.put(objectOf('escaped', fingerprintOf(Buffer.from('x'))), Buffer.from('x'));
      await store.put(objectOf('versions/v1/.files', fingerprintOf(bytes)), bytes);
      await assert.rejects(here.files.bring('versions/v1'), {
        code: 'MR_STORAGE_OBJECT_WRONG',
        message: /^versions\/v1\/\.files~[0-9a-f]{64} in /,
      });
      assert.ok(!here.has('escaped') && !here.has('versions/v1'));
    });
  }
});
