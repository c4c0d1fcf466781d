import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { disarmFailpoints, hitFailpoints, type MillraceError, recordFailpoints } from '#platform';
import { smallDisk, testSeed } from '#platform/testing';
import { backupPoints, readDirectoryStore, Shipper } from './index.ts';
import { BackedUp, DAY_MS, filesBelow, HOUR_MS, recordsIn, START_MS } from './testing/backed-up.ts';
import { BACKUP_FAILPOINTS, RESTORE_FAILPOINTS } from './testing/failpoints.ts';

const shipProcess = join(import.meta.dirname, 'testing/ship-process.ts');
const PASSPHRASE = 'a passphrase of a test';

/** A generator of numbers below `most`, the same for a seed. */
function drawing(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

async function withThreePoints(backedUp: BackedUp): Promise<readonly number[]> {
  const points: number[] = [];
  for (let i = 0; i < 3; i++) {
    await backedUp.vault.pseudonymOf(`user ${i}`);
    writeFileSync(join(backedUp.data, `file-${i}.bin`), createHash('sha512').update(`${i}`).digest());
    await backedUp.append('events', [[`k${i}`, `value ${i}`]]);
    points.push((await backedUp.ship()).at);
    await backedUp.clock.advance(HOUR_MS);
  }
  return points;
}

async function pointsOf(backedUp: BackedUp, isThorough = true) {
  const store = await readDirectoryStore(backedUp.place);
  const { signal } = new AbortController();
  return backupPoints(store, { passphrase: backedUp.passphrase, isThorough, signal });
}

describe('a backup with bad input', () => {
  it('is not restored over data', async (t) => {
    const backedUp = await BackedUp.open(t);
    await backedUp.append('events', [['a', '1']]);
    await backedUp.ship();
    const before = recordsIn(backedUp.data);
    await assert.rejects(backedUp.restore({ to: backedUp.data }), { code: 'MR_RESTORE_OCCUPIED' });
    assert.deepEqual(recordsIn(backedUp.data), before);
    const to = join(backedUp.directory, 'empty');
    mkdirSync(to);
    await backedUp.restore({ to });
    assert.deepEqual(recordsIn(to), before);
  });

  for (const passphrase of [undefined, PASSPHRASE]) {
    it(`names the object of each of 100 flipped bits, ${passphrase === undefined ? 'plain' : 'encrypted'}`, async (t) => {
      const draw = drawing(testSeed);
      const backedUp = await BackedUp.open(t, passphrase === undefined ? {} : { passphrase });
      await withThreePoints(backedUp);
      const files = filesBelow(backedUp.place);
      assert.ok(files.length > 10);
      for (let flip = 0; flip < 100; flip++) {
        const path = files[flip < files.length ? flip : draw(files.length)] as string;
        const object = relative(backedUp.place, path);
        const bytes = readFileSync(path);
        const at = draw(bytes.length);
        const bit = 1 << draw(8);
        bytes[at] = (bytes[at] as number) ^ bit;
        writeFileSync(path, bytes);
        const where = `bit ${bit} of byte ${at} of ${object}, seed ${testSeed}`;
        const said = await pointsOf(backedUp).then(
          (points) => points.map(({ problem }) => problem ?? '').join(' '),
          (error: MillraceError) => error.message,
        );
        assert.ok(said.includes(object), `${where}: ${said}`);
        // To make a key of a passphrase takes long, on purpose.
        if (passphrase === undefined || flip % 10 === 0) await restoresOrNames(object, where);
        bytes[at] = (bytes[at] as number) ^ bit;
        writeFileSync(path, bytes);
      }
      assert.ok((await pointsOf(backedUp)).every(({ problem }) => problem === undefined));

      async function restoresOrNames(object: string, where: string) {
        // What the newest point does not need does not keep it from being restored.
        const failure = await backedUp.restore().then(
          ({ directory }) => void rmSync(directory, { recursive: true }),
          (error: MillraceError) => error,
        );
        if (failure === undefined) return;
        assert.equal(failure.code, 'MR_BACKUP_DAMAGED', where);
        assert.ok(failure.message.includes(object), `${where}: ${failure.message}`);
      }
    });
  }

  it('of a newer version is refused', async (t) => {
    const backedUp = await BackedUp.open(t);
    await backedUp.ship();
    const path = join(backedUp.place, 'backup.json');
    const { sha256: _, ...description } = JSON.parse(readFileSync(path, 'utf8')) as { sha256: string };
    const newer = { ...description, version: 2 };
    const sha256 = createHash('sha256').update(JSON.stringify(newer)).digest('hex');
    writeFileSync(path, `${JSON.stringify({ ...newer, sha256 })}\n`);
    await assert.rejects(backedUp.restore(), { code: 'MR_BACKUP_NEWER' });
    await assert.rejects(backedUp.ship(), { code: 'MR_BACKUP_NEWER' });
  });

  it('with a manifest that was cut, or is missing, restores the points before it and no others', async (t) => {
    const backedUp = await BackedUp.open(t);
    const [first = 0, second = 0] = await withThreePoints(backedUp);
    const folder = join(backedUp.place, 'manifests');
    const [, manifest = ''] = readdirSync(folder).sort();
    const path = join(folder, manifest);
    const whole = readFileSync(path);
    for (const length of [0, 20, whole.length - 1]) {
      truncateSync(path, length);
      await assert.rejects(backedUp.restore(), { code: 'MR_BACKUP_DAMAGED', message: new RegExp(manifest) });
      await assert.rejects(backedUp.ship(), { code: 'MR_BACKUP_DAMAGED', message: new RegExp(manifest) });
      const restored = await backedUp.restore({ at: first });
      assert.equal(restored.at, first);
      assert.match(restored.unread.join(), new RegExp(manifest));
      const problems = (await pointsOf(backedUp)).map(({ problem }) => problem?.includes(manifest));
      assert.deepEqual(problems, [undefined, true, true]);
      writeFileSync(path, whole);
    }
    assert.equal((await backedUp.restore({ at: second })).at, second);
    renameSync(path, join(backedUp.directory, 'elsewhere'));
    const missing = /000000000001 .*is missing/;
    await assert.rejects(backedUp.restore(), { code: 'MR_BACKUP_DAMAGED', message: missing });
    assert.match((await backedUp.restore({ at: first })).unread.join(), missing);
    const problems = (await pointsOf(backedUp)).map(({ problem }) => missing.test(problem ?? ''));
    assert.deepEqual(problems, [false, true]);
  });

  it('is refused by another key, without one, and with one that is new', async (t) => {
    const backedUp = await BackedUp.open(t, { passphrase: PASSPHRASE });
    await backedUp.append('events', [['a', 'a secret value']]);
    await backedUp.vault.pseudonymOf('ann');
    await backedUp.ship();
    await assert.rejects(backedUp.restore({ passphrase: 'another passphrase' }), { code: 'MR_BACKUP_KEY' });
    const store = await readDirectoryStore(backedUp.place);
    const { signal } = new AbortController();
    await assert.rejects(backupPoints(store, { passphrase: undefined, isThorough: false, signal }), {
      code: 'MR_BACKUP_KEY',
    });
    const masterKey = readFileSync(join(backedUp.data, 'pseudonyms.key'));
    for (const path of filesBelow(backedUp.place)) assert.ok(!readFileSync(path).includes(masterKey), path);
    assert.deepEqual(recordsIn((await backedUp.restore()).directory), recordsIn(backedUp.data));
    const plain = await BackedUp.open(t);
    await plain.ship();
    await assert.rejects(plain.ship({ passphrase: PASSPHRASE }), { code: 'MR_BACKUP_KEY' });
  });

  it('is written by one process alone', async (t) => {
    const backedUp = await BackedUp.open(t);
    const shipper = await backedUp.shipper();
    await assert.rejects(backedUp.shipper(), { code: 'MR_BACKUP_IN_USE' });
    await shipper.ship();
    // In a place that knows no locks, such as an object store, the one who comes second notices by what is there.
    const store = await readDirectoryStore(backedUp.place);
    const other = await Shipper.open(backedUp.optionsOf(store, {}));
    t.after(() => other.close());
    await backedUp.append('events', [['a', '1']]);
    await shipper.ship();
    await backedUp.append('events', [['a', '2']]);
    await backedUp.clock.advance(1_000);
    await assert.rejects(other.ship(), { code: 'MR_BACKUP_CONFLICT' });
    await shipper.ship();
    assert.deepEqual(recordsIn((await backedUp.restore()).directory), recordsIn(backedUp.data));
  });

  it('stays whole when the disk is full in the middle of a shipment, and goes on', async (t) => {
    const disk = smallDisk(t, 64);
    if (disk === undefined) return;
    const backedUp = await BackedUp.open(t);
    const place = join(disk.path, 'backup');
    await backedUp.append('events', [['a', '1']]);
    const first = await backedUp.ship({ place });
    const before = recordsIn(backedUp.data);
    await backedUp.clock.advance(1_000);
    await backedUp.append('events', [['b', '2']]);
    // Not to be packed: the first file fits, and not the second.
    for (const name of ['a', 'b']) {
      const noise = Array.from({ length: 16_384 }, (_, i) =>
        createHash('sha512').update(`${name} ${i}`).digest(),
      );
      writeFileSync(join(backedUp.data, `${name}.bin`), Buffer.concat(noise));
    }
    await disk.leave(1_500_000);
    await assert.rejects(backedUp.ship({ place }), { code: 'MR_DISK_FULL' });
    assert.deepEqual(recordsIn((await backedUp.restore({ place })).directory), before);
    assert.equal((await backedUp.restore({ place })).at, first.at);
    await disk.leave(8_000_000);
    await backedUp.ship({ place });
    assert.deepEqual(recordsIn((await backedUp.restore({ place })).directory), recordsIn(backedUp.data));
  });
});

function killedAt(failpoint: string, args: readonly string[]) {
  const env = { ...process.env, MILLRACE_FAILPOINTS: `${failpoint}=kill` };
  const { signal, stderr } = spawnSync(process.execPath, [shipProcess, ...args], { env, encoding: 'utf8' });
  assert.equal(signal, 'SIGKILL', `${failpoint}: ${stderr}`);
}

describe('a process that is killed', () => {
  it('is killed at every step that there is', async (t) => {
    recordFailpoints();
    t.after(disarmFailpoints);
    const backedUp = await BackedUp.open(t);
    writeFileSync(join(backedUp.data, 'file.bin'), 'content');
    for (let i = 0; i < 3; i++) {
      await backedUp.append('events', [['a', `${i}`]]);
      await backedUp.ship({ keepMs: DAY_MS });
      await backedUp.clock.advance(1.5 * DAY_MS);
    }
    await backedUp.restore();
    const steps = [...hitFailpoints()].filter((name) => /^(backup|restore)\./.test(name));
    assert.deepEqual(steps.sort(), [...BACKUP_FAILPOINTS, ...RESTORE_FAILPOINTS].sort());
  });

  for (const failpoint of BACKUP_FAILPOINTS) {
    it(`at ${failpoint} leaves the points before it whole, and the next one goes on`, async (t) => {
      const backedUp = await BackedUp.open(t);
      const isFirst = failpoint === 'backup.described';
      const points: { at: number; records: object }[] = [];
      await backedUp.append('events', [['a', '1']]);
      if (!isFirst) {
        for (let i = 0; i < 3; i++) {
          const { at } = await backedUp.ship({ keepMs: DAY_MS });
          points.push({ at, records: recordsIn(backedUp.data) });
          await backedUp.append('events', [['a', `${i}`]]);
          // The last of them is old enough that the first generation goes with what the killed process does.
          await backedUp.clock.advance(1.5 * DAY_MS);
        }
      }
      const now = backedUp.clock.now();
      const written = recordsIn(backedUp.data);
      killedAt(failpoint, ['ship', backedUp.data, backedUp.place, `${DAY_MS}`, `${now}`]);
      const [last] = points.slice(-1);
      if (last !== undefined) {
        const { directory } = await backedUp.restore({ at: last.at });
        assert.deepEqual(recordsIn(directory), last.records);
      }
      await backedUp.append('events', [['b', '2']]);
      await backedUp.clock.advance(1_000);
      const { at } = await backedUp.ship({ keepMs: DAY_MS });
      assert.deepEqual(recordsIn((await backedUp.restore({ at })).directory), recordsIn(backedUp.data));
      if (failpoint === 'backup.manifest.after')
        assert.deepEqual(recordsIn((await backedUp.restore({ at: now })).directory), written);
      assert.ok((await pointsOf(backedUp)).every(({ problem }) => problem === undefined));
      assert.ok(START_MS < now || isFirst);
    });
  }

  it('while it restores leaves no data directory, or a whole one, and can be begun again', async (t) => {
    const backedUp = await BackedUp.open(t);
    await withThreePoints(backedUp);
    for (const failpoint of RESTORE_FAILPOINTS) {
      const to = join(backedUp.directory, `of ${failpoint}`);
      killedAt(failpoint, ['restore', backedUp.place, to]);
      const isDone = failpoint === 'restore.done';
      assert.equal(existsSync(to), isDone, failpoint);
      if (!isDone) await backedUp.restore({ to });
      assert.deepEqual(recordsIn(to), recordsIn(backedUp.data), failpoint);
    }
  });
});
