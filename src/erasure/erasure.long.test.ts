import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { AnyView } from '#features';
import { armFailpoints, disarmFailpoints, errorCode, hitFailpoints, recordFailpoints } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { keysInVault } from '#privacy/testing';
import type { UserPrivacy, Version } from '#schemas';
import { sharedFilesIn } from '#storage/testing';
import { first, itemTrends, userTrends } from '#view-builds/testing';
import { type ErasableWorld, languageOf, openErasableWorld } from './testing/erasable-world.ts';

const ANNA = 'anna.of.the.erased@example.org';
const BERT = 'bert.who.stays@example.org';

/** Every step of an erasure after which it may be cut off. */
const steps = [
  'privacy.erase.announced',
  'privacy.erase.profile',
  'privacy.erase.views',
  'privacy.erase.versions',
  'privacy.erase.snapshots',
  'privacy.erase.runs',
  'privacy.vault.forgotten',
];

const fixtures = join(import.meta.dirname, '../view-builds/fixtures');

const userViews = ['user-features-2', 'user-category-features-1', 'user-item-features-1'] as const;

async function rowsOf(world: ErasableWorld, pseudonym: string): Promise<number> {
  let rows = 0;
  for (const name of ['users', ...userViews] as const) {
    for (const [key, value] of await world.rows(name))
      if (key.startsWith(pseudonym) && value !== null) rows++;
  }
  return rows;
}

async function assertErased(world: ErasableWorld, pseudonym: string): Promise<void> {
  assert.equal(world.vault.known(ANNA), undefined);
  assert.equal(await rowsOf(world, pseudonym), 0);
  assert.deepEqual(world.filesWith(ANNA), []);
  assert.deepEqual(await world.topicsWith(ANNA), []);
  assert.deepEqual(await world.topicsWith(languageOf(ANNA)), []);
  // Beside what RocksDB has still to compact: the bytes of a row that no pseudonym leads to.
  assert.deepEqual(
    world.filesWith(languageOf(ANNA)).filter((path) => !path.startsWith(join(world.directory, 'state'))),
    [],
  );
  const status = (await world.rows('privacy')).get(pseudonym) as UserPrivacy | undefined;
  assert.equal(status?.status, 'erased');
  const versions = [...(await world.rows('versions')).values()] as Version[];
  assert.deepEqual(
    versions.map(({ version, status: step }) => `${version} ${step}`),
    ['1111111111111111 archived', '2222222222222222 promoted', '3333333333333333 archived'],
  );
  const isThere = (path: string) => existsSync(join(world.directory, path));
  assert.deepEqual(
    [
      'versions/1111111111111111',
      'versions/2222222222222222',
      'versions/3333333333333333',
      'snapshots/with-users',
      'snapshots/without-users',
      'runs/on-with-users',
      'runs/on-without-users',
    ].map(isThere),
    [false, true, false, false, true, false, true],
  );
  assert.equal((await world.rows('snapshots')).get('with-users'), null);
}

async function openWorld(t: TestContext) {
  const world = await openErasableWorld(t, [ANNA, BERT]);
  t.after(disarmFailpoints);
  const pseudonym = world.vault.known(ANNA) as string;
  assert.ok((await rowsOf(world, pseudonym)) >= 3);
  assert.notDeepEqual(world.filesWith(languageOf(ANNA)), []);
  return { world, pseudonym };
}

describe('erasing a user', () => {
  it('removes versions and snapshots from an object store too, also those without a copy here, and copies elsewhere', async (t) => {
    const { world, pseudonym } = await openWorld(t);
    const [folder, elsewhere] = [temporaryDirectory(t), temporaryDirectory(t)];
    const files = sharedFilesIn(folder, world.directory);
    const others = sharedFilesIn(folder, elsewhere);
    for (const parent of ['versions', 'snapshots']) {
      await files.publishOwn(parent);
      for (const name of await files.names(parent)) await others.bring(`${parent}/${name}`);
    }
    for (const path of ['versions/1111111111111111', 'snapshots/with-users', 'snapshots/without-users'])
      rmSync(join(world.directory, path), { recursive: true });
    const { erased } = await world.erase(ANNA, undefined, files);
    const rows = Object.fromEntries(erased.map((each) => [each.target, each.rows]));
    assert.deepEqual([rows.versions, rows.snapshots, rows.runs], [2, 1, 1]);
    await assertErased(world, pseudonym);
    assert.deepEqual(await files.names('versions'), ['2222222222222222']);
    assert.deepEqual(await files.names('snapshots'), ['without-users']);
    await others.removeOrphans();
    assert.deepEqual(readdirSync(join(elsewhere, 'versions')), ['2222222222222222']);
    assert.deepEqual(readdirSync(join(elsewhere, 'snapshots')), ['without-users']);
  });

  it('removes what a removal that was cut off elsewhere has left in an object store', async (t) => {
    const { world } = await openWorld(t);
    const folder = temporaryDirectory(t);
    const files = sharedFilesIn(folder, world.directory);
    for (const parent of ['versions', 'snapshots']) await files.publishOwn(parent);
    const hoursAgo = new Date(Date.now() - 2 * 3_600_000);
    for (const path of ['versions/4444444444444444', 'snapshots/left', 'snapshots/being-written']) {
      mkdirSync(join(folder, path));
      const object = join(folder, path, `train.parquet~${'0'.repeat(64)}`);
      writeFileSync(object, ANNA);
      if (!path.endsWith('being-written')) utimesSync(object, hoursAgo, hoursAgo);
    }
    await world.erase(ANNA, undefined, files);
    assert.deepEqual(await files.names('versions'), ['2222222222222222']);
    assert.deepEqual(await files.names('snapshots'), ['being-written', 'without-users']);
  });

  it('leaves nothing of them that can be found or told to be theirs, and all of the others', async (t) => {
    const { world, pseudonym } = await openWorld(t);
    const other = world.vault.known(BERT) as string;
    const before = await rowsOf(world, other);
    const keys = keysInVault(world.directory);
    recordFailpoints();
    const { erased, keyDestroyed } = await world.erase(ANNA);
    assert.deepEqual(
      [...hitFailpoints()].filter((name) => name.startsWith('privacy.')),
      steps,
    );
    assert.deepEqual(
      erased.map(({ target }) => target),
      ['profile', 'views', 'versions', 'snapshots', 'runs', 'log'],
    );
    const rows = Object.fromEntries(erased.map((each) => [each.target, each.rows]));
    assert.deepEqual(
      [rows.profile, rows.versions, rows.snapshots, rows.runs, keyDestroyed],
      [1, 2, 1, 1, true],
    );
    assert.ok(erased.every(({ where }) => !where.includes(pseudonym)));
    await assertErased(world, pseudonym);
    const left = keysInVault(world.directory);
    const [key, ...others] = keys.filter((each) => !left.some((one) => one.equals(each)));
    assert.ok(key !== undefined && others.length === 0);
    assert.deepEqual(world.filesWith(key), []);
    assert.deepEqual(await world.topicsWith(key), []);
    assert.equal(world.vault.known(BERT), other);
    assert.equal(await rowsOf(world, other), before);
    // By the log, since its cleaner packs records: their bytes need not be found in a file.
    assert.deepEqual(await world.topicsWith(languageOf(BERT)), ['users']);

    // What comes under the old name, late, is refused; who comes back is a new user.
    await world.post(ANNA, 100, 110);
    const newcomer = world.vault.known(ANNA) as string;
    assert.notEqual(newcomer, pseudonym);
    await world.processing.untilCaughtUp();
    assert.equal(await rowsOf(world, pseudonym), 0);
    assert.ok((await rowsOf(world, newcomer)) >= 1);
    const again = await world.erase(ANNA);
    assert.equal(again.erased.find(({ target }) => target === 'profile')?.rows, 0);
    await assert.rejects(world.erase(ANNA), { code: 'MR_PRIVACY_USER_UNKNOWN', remedy: 'fix-input' });
  });

  it('is completed by the same call wherever it was cut off', async (t) => {
    const { world, pseudonym } = await openWorld(t);
    for (const step of steps) {
      armFailpoints(`${step}=fail`);
      await assert.rejects(world.erase(ANNA), (error) => errorCode(error) === 'MR_FAILPOINT', step);
      disarmFailpoints();
    }
    // The last step had destroyed the key: nobody knows the user any more. Who opens the vault next cleans the files.
    await assert.rejects(world.erase(ANNA), { code: 'MR_PRIVACY_USER_UNKNOWN' });
    await world.openVaultAgain();
    await assertErased(world, pseudonym);
  });

  it('leaves no row in views of modules either, be they of users, categories or items', async (t) => {
    const files = ['user-kinds.ts', 'user-trends.ts', 'item-trends.ts'].map((name) => join(fixtures, name));
    const world = await openErasableWorld(t, [ANNA, BERT], files);
    for (const { live } of world.builds) await live;
    const rowsIn = async (view: AnyView, beginning: string) =>
      [...(await world.rows(view))].filter(([key, value]) => key.startsWith(beginning) && value !== null)
        .length;
    const [pseudonym, other] = (await world.vault.pseudonymsOf([ANNA, BERT])) as [string, string];
    const before = [
      await rowsIn(first, other),
      await rowsIn(userTrends, other),
      await rowsIn(itemTrends, ''),
    ];
    assert.deepEqual(
      [await rowsIn(first, pseudonym), await rowsIn(userTrends, pseudonym)],
      before.slice(0, 2),
    );
    assert.deepEqual(before, [2, 1, 11]);
    const keys = keysInVault(world.directory);

    const { erased } = await world.erase(ANNA);
    const where = erased.find(({ target }) => target === 'views')?.where ?? '';
    for (const name of ['user-features-2', 'user-kinds-1', 'user-trends-1']) {
      assert.ok(where.includes(name), where);
    }
    assert.deepEqual([await rowsIn(first, pseudonym), await rowsIn(userTrends, pseudonym)], [0, 0]);
    await assertErased(world, pseudonym);
    const left = keysInVault(world.directory);
    for (const key of keys.filter((each) => !left.some((one) => one.equals(each)))) {
      assert.deepEqual(world.filesWith(key), []);
    }
    assert.deepEqual(
      [await rowsIn(first, other), await rowsIn(userTrends, other), await rowsIn(itemTrends, '')],
      before,
    );
    await world.post(ANNA, 100, 110);
    await world.processing.untilCaughtUp();
    for (const build of world.builds) await build.processing.untilCaughtUp();
    assert.deepEqual([await rowsIn(first, pseudonym), await rowsIn(userTrends, pseudonym)], [0, 0]);
  });

  it('names the view that keeps rows because nothing declares it any more', async (t) => {
    const world = await openErasableWorld(t, [ANNA], [join(fixtures, 'user-kinds.ts')]);
    for (const { live, processing } of world.builds) {
      await live;
      await processing.stop();
    }
    world.forgetModules();
    await assert.rejects(world.erase(ANNA, 300), {
      code: 'MR_PRIVACY_VIEWS_REMAIN',
      message: /user-kinds-1/,
    });
  });

  it('waits for the rows that are published for others, and names their topic where one stays', async (t) => {
    const { world, pseudonym } = await openWorld(t);
    await world.log.createTopics([
      {
        name: 'user-features-1-rows',
        partitions: 1,
        cleanup: { policy: 'compact', tombstoneRetentionMs: 1_000 },
      },
    ]);
    const producer = await world.log.producer();
    const key = Buffer.from(pseudonym);
    // As if the processors had written it last: nobody takes it back.
    await producer.append('user-features-1-rows', 0, [{ key, value: Buffer.from('a row'), timestamp: 1 }]);
    await assert.rejects(world.erase(ANNA, 300), {
      code: 'MR_PRIVACY_VIEWS_REMAIN',
      message: /topic user-features-1-rows/,
    });
    await producer.append('user-features-1-rows', 0, [{ key, value: null, timestamp: 2 }]);
    await producer.close();
    await world.erase(ANNA);
  });

  it('says what is wrong: no user, no id, processors that do not run', async (t) => {
    const { world, pseudonym } = await openWorld(t);
    await assert.rejects(world.erase('never seen'), { code: 'MR_PRIVACY_USER_UNKNOWN' });
    await assert.rejects(world.erase(''), { code: 'MR_PRIVACY_USER' });
    await assert.rejects(world.erase('\ud800'), { code: 'MR_PRIVACY_USER' });
    await world.processing.stop();
    await assert.rejects(world.erase(ANNA, 300), { code: 'MR_PRIVACY_VIEWS_REMAIN', remedy: 'retry' });
    assert.equal(world.vault.known(ANNA), pseudonym, 'they can still be erased');
  });
});
