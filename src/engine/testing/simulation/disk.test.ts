import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Disk, OwnLockError } from './disk.ts';
import { Random } from './random.ts';
import { Scheduler, VirtualClock } from './scheduler.ts';

const KEY = Buffer.from('key');

function world() {
  const scheduler = new Scheduler(new Random(1));
  const clock = () => new VirtualClock(scheduler, 0);
  const disk = new Disk('disk-0', new Random(2));
  return { scheduler, clock, disk };
}

it('a database that a process has open is refused to others until it is closed, or the process is gone', async () => {
  const { scheduler, clock, disk } = world();
  const [first, second] = [clock(), clock()];
  const opened = await scheduler.settle(disk.connect(first).open('task-0'));
  const again = () => scheduler.settle(disk.connect(second).open('task-0'));
  await assert.rejects(again, { code: 'MR_STORE_LOCKED', message: /open in another process/ });
  first.stall();
  await assert.rejects(again, { code: 'MR_STORE_LOCKED' });
  first.resume();
  await scheduler.settle(opened.close());
  await scheduler.settle((await again()).close());
  assert.equal(disk.waited, 1);
  await scheduler.settle(disk.connect(first).open('task-0'));
  await assert.rejects(again, { code: 'MR_STORE_LOCKED' });
  disk.release(first);
  await again();
  assert.equal(disk.waited, 2);
});

it('a process that opens twice what it has not closed is told so', async () => {
  const { scheduler, clock, disk } = world();
  const databases = disk.connect(clock());
  await scheduler.settle(databases.open('task-0'));
  await assert.rejects(scheduler.settle(databases.open('task-0')), OwnLockError);
});

it('a closed database takes nothing', async () => {
  const { scheduler, clock, disk } = world();
  const database = await scheduler.settle(disk.connect(clock()).open('task-0'));
  await scheduler.settle(database.write([{ key: KEY, value: KEY }]));
  assert.deepEqual(await scheduler.settle(database.getMany([KEY])), [KEY]);
  await scheduler.settle(database.close());
  await assert.rejects(scheduler.settle(database.write([{ key: KEY, value: null }])), /closed database/);
  await assert.rejects(scheduler.settle(database.getMany([KEY])), /closed database/);
});
