import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import type { Checkpoint } from '#models';
import { temporaryDirectory } from '#platform/testing';
import { CheckpointFiles } from './checkpoint-files.ts';

const checkpoint = (step: number): Checkpoint => ({
  arrays: new Map([['weights', new Float32Array([step, 1])]]),
  values: { step },
});

function open(t: TestContext) {
  const root = temporaryDirectory(t);
  const [run, snapshot] = [join(root, 'run'), join(root, 'snapshot')];
  mkdirSync(snapshot);
  return { run, snapshot, files: () => new CheckpointFiles(run, snapshot) };
}

it('the newest checkpoint is the only one, over restarts too, whatever was left half written', async (t) => {
  const { run, files } = open(t);
  assert.equal(await files().load(), undefined);
  const first = files();
  await first.save(checkpoint(1));
  await first.save(checkpoint(2));
  assert.deepEqual(readdirSync(run), ['checkpoint-2']);
  writeFileSync(join(run, '.partial-3'), 'half of it');
  const second = files();
  assert.deepEqual(await second.load(), checkpoint(2));
  await second.save(checkpoint(3));
  assert.deepEqual(readdirSync(run), ['checkpoint-3']);
  assert.deepEqual(await files().load(), checkpoint(3));
});

it('one that is damaged counts for none', async (t) => {
  const { run, files } = open(t);
  await files().save(checkpoint(1));
  truncateSync(join(run, 'checkpoint-1'), 20);
  assert.equal(await files().load(), undefined);
});

it('one of a snapshot that an erasure has removed removes itself', async (t) => {
  const { run, snapshot, files } = open(t);
  const writing = files();
  await writing.save(checkpoint(1));
  rmSync(snapshot, { recursive: true });
  await assert.rejects(writing.save(checkpoint(2)), { code: 'MR_SNAPSHOT_RETIRED' });
  assert.ok(!existsSync(run));
});
