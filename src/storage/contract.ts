/** The one suite that every adapter of the object store passes. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fingerprint } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { ObjectStore } from './port.ts';

/** An empty store of the test's own, or undefined when the test is skipped. */
export type OpenStore = (t: TestContext) => Promise<ObjectStore | undefined>;

const NAMES = ['a', 'b/year=2026/x~0af', 'b/a plus + and 100 %', 'b/ü/ß', "c/'quoted' (one)!*", 'c/&<amp>'];

/** Registers the suite's tests for the adapter `name`. */
export function objectStoreContract(name: string, open: OpenStore): void {
  const contract = (title: string, body: (store: ObjectStore, t: TestContext) => Promise<void>) => {
    it(title, async (t) => {
      const store = await open(t);
      if (store !== undefined) await body(store, t);
    });
  };

  describe(`the contract of object stores: ${name}`, () => {
    contract('what was put is there, in every bit, under every name', async (store) => {
      for (const [i, each] of NAMES.entries()) {
        const bytes = Buffer.alloc(i * 1_000, each);
        assert.equal(await store.put(each, bytes), true, each);
        assert.deepEqual(await store.get(each), bytes, each);
      }
      assert.deepEqual(
        (await store.list('')).map(({ name, bytes }) => [name, bytes]),
        NAMES.map((each, i) => [each, i * 1_000]).sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
      );
    });

    contract('an object is written once', async (store) => {
      assert.equal(await store.put('a', Buffer.from('first')), true);
      assert.equal(await store.put('a', Buffer.from('second')), false);
      assert.equal((await store.get('a'))?.toString(), 'first');
      const others = await Promise.all(['b', 'c', 'd'].map((bytes) => store.put('b', Buffer.from(bytes))));
      assert.deepEqual(others.filter(Boolean), [true], 'one of several writers is the first');
    });

    contract('a file is put, and another made of the object', async (store, t) => {
      const path = join(temporaryDirectory(t), 'file');
      writeFileSync(path, Buffer.alloc(3_000_000, 'abcdefg'));
      const written = await fingerprint(path);
      assert.equal(await store.put('large', { path, ...written }), true);
      assert.equal(await store.put('large', { path, ...written }), false);
      const copy = `${path}-2`;
      assert.deepEqual(await store.download('large', copy), written);
      assert.ok(readFileSync(copy).equals(readFileSync(path)));
      const none = `${path}-3`;
      assert.equal(await store.download('none', none), undefined);
      assert.ok(!existsSync(none), 'no file for an object that is not there');
      await assert.rejects(store.put('gone', { path: none, ...written }), { code: 'ENOENT' });
      assert.equal(await store.get('gone'), undefined);
    });

    contract('a list has the names with the prefix, in order, however many', async (store) => {
      assert.deepEqual(await store.list('x/'), []);
      const names = Array.from({ length: 25 }, (_, i) => `x/${i}`);
      await Promise.all([...names, 'xy', 'y/1'].map((each) => store.put(each, Buffer.from(each))));
      const listed = async (prefix: string) => (await store.list(prefix)).map((each) => each.name);
      assert.deepEqual(await listed('x/'), names.toSorted());
      assert.deepEqual(await listed('x/2'), ['x/2', 'x/20', 'x/21', 'x/22', 'x/23', 'x/24']);
    });

    contract('what was removed is gone, and may be put again', async (store) => {
      await store.remove('a/b');
      await store.put('a/b', Buffer.from('one'));
      await store.remove('a/b');
      assert.equal(await store.get('a/b'), undefined);
      assert.deepEqual(await store.list('a'), []);
      assert.equal(await store.put('a/b', Buffer.from('two')), true);
      assert.equal((await store.get('a/b'))?.toString(), 'two');
    });

    contract('an object that is touched stays as it is, and is as if just written', async (store) => {
      await store.touch('none');
      assert.equal(await store.get('none'), undefined);
      await store.put('a/ +', Buffer.from('x'));
      const [before] = await store.list('');
      await store.touch('a/ +');
      const [after] = await store.list('');
      assert.ok((after?.writtenMs ?? 0) >= (before?.writtenMs ?? Number.POSITIVE_INFINITY));
      assert.equal((await store.get('a/ +'))?.toString(), 'x');
    });
  });
}
