/** Runbooks of data that is damaged or lost: each breaks what a start has left, and mends it by the commands of its page. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { eventually, withFlippedBit } from '#platform/testing';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { runbook } from '../testing/runbook.ts';

const RELEASE = join(import.meta.dirname, '../../..');

const configuration = {
  ...smallWorld,
  simulation: { ...smallWorld.simulation, events: 600 },
  offline: { flushSeconds: 1 },
};

/** Not one that is being written. */
const ARCHIVED = /^offline\/.*\/year=.*\.parquet$/;

/** A bit in the middle of a file. */
function damage(path: string): void {
  const bytes = readFileSync(path);
  writeFileSync(path, withFlippedBit(bytes, 4 * bytes.length));
}

const filesBelow = (directory: string, pattern: RegExp) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name) && statSync(join(directory, name)).size > 0)
    .map((name) => join(directory, name))
    .sort();

it('after a start', { timeout: 600_000 }, async (t) => {
  const line = commandLine(t, configuration);
  const data = join(line.directory, '.millrace');
  const place = join(line.directory, 'backup');
  const start = line.begin(['start']);
  await start.until(/^Serving +http:/m);
  await eventually(() => filesBelow(data, ARCHIVED).length !== 0);
  assert.equal((await start.signal('SIGTERM')).code, 0);

  await t.test('backup-stands: it is said how old the newest point is, and shipped now', async () => {
    const { args, assertAllRun } = runbook('backup-stands', { '/mnt/backup': place });
    const none = await line.print(args('backups /mnt/backup'));
    assert.notEqual(none.code, 0);
    assert.match(none.err, /^error MR_BACKUP_\w+: /m);
    const shipped = await line.print(args('backup /mnt/backup'));
    assert.equal(shipped.code, 0, shipped.err);
    const points = await line.print([...args('backups /mnt/backup'), '--json']);
    assert.deepEqual([points.code, jsonLines(points.out).length], [0, 1], points.err);
    assertAllRun();
  });

  await t.test('state-corrupted: what differs is named, made again, and proven', async () => {
    const { args, assertAllRun } = runbook('state-corrupted', { '../fixed': RELEASE });
    damage(filesBelow(data, /^state\/loop-\d+\/interactions-0\/.*\.sst$/)[0] ?? assert.fail());
    const archived = filesBelow(data, ARCHIVED)[0] ?? assert.fail();
    const sound = readFileSync(archived);
    damage(archived);
    const found = await line.print(args('verify'));
    assert.equal(found.code, 1);
    assert.match(found.out, /^interactions-0: different /m);
    assert.match(found.out, /^archive: different /m);
    const task = await line.print(args('repair interactions-0'));
    assert.deepEqual([task.code, task.out], [0, 'interactions-0 was made again\n'], task.err);
    // No rows are kept in Redis here.
    assert.match((await line.print(args('repair redis'))).err, /^error MR_REPAIR_UNKNOWN/);
    assert.equal((await line.print(args('repair archive'))).code, 0);
    assert.ok(readFileSync(archived).equals(sound));
    const proven = await line.print(args('verify'));
    assert.equal(proven.code, 0, proven.out);

    const replaying = line.begin([...args('replay loop --code ../fixed --into fix'), '--cpu', '1', '--json']);
    await replaying.until(/"state":"ready"/);
    const equal = await line.print(args('diff loop fix'));
    assert.equal(equal.code, 0, equal.out + equal.err);
    for (const swap of ['swap loop fix', 'swap loop --back']) {
      const { code, err } = await line.print(args(swap));
      assert.equal(code, 0, err);
    }
    assert.equal((await replaying.signal('SIGINT')).code, 0);
    assertAllRun();
  });

  await t.test('log-disk-lost: the backup is whole, is restored elsewhere, and started', async () => {
    const { args, assertAllRun } = runbook('log-disk-lost', { '/mnt/backup': place });
    rmSync(data, { recursive: true });
    const whole = await line.print([...args('backups /mnt/backup --verify'), '--json']);
    assert.equal(whole.code, 0, whole.out);
    const restored = await line.print(args('restore /mnt/backup --data restored'));
    assert.equal(restored.code, 0, restored.err);
    const verified = await line.print(args('verify --data restored'));
    assert.equal(verified.code, 0, verified.out);
    const again = line.begin(args('start --data restored'));
    const [, url] = await again.until(/^Serving +(http:[\d./:]+)/m);
    const { items } = (await (await fetch(`${url}/recommend/u1?k=3`)).json()) as { items: unknown[] };
    assert.equal(items.length, 3);
    assert.equal((await again.signal('SIGTERM')).code, 0);
    assertAllRun();
  });
});
