import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openVersion, readItemVectors, type VersionFiles, Vocabulary } from '#models';
import { takeSnapshot } from '#offline';
import {
  example,
  fillSmallWorld,
  readAll,
  smallWorld,
  startMs,
  write,
  writeExamples,
} from '#offline/testing';
import { createLogger, systemClock } from '#platform';
import { trainFromSnapshot } from './thread/run-thread.ts';

const config = { dim: 8, hidden: 8, historyLength: 5, batchSize: 64, candidates: 16, epochs: 4 };
const logger = createLogger({ level: 'silent', name: 'test' });

/** The vector that a version has of an item. */
function vectorOf(files: VersionFiles, itemId: string): number[] {
  const { dim, vectors } = readItemVectors(files.read('items.index'));
  const at = Vocabulary.parse(files.read('vocabulary.json')).itemIndex(itemId) ?? Number.NaN;
  return Array.from(vectors.subarray(at * dim, (at + 1) * dim));
}

test('weights are taken over by what they stand for, though items, users and values have come in between', async (t) => {
  const opened = await smallWorld(t);
  await fillSmallWorld(opened);
  const { dataDirectory, log, topics } = opened;
  const first = await takeSnapshot({ ...opened, clock: systemClock, logger });
  const { candidate: base } = await trainFromSnapshot(first, { dataDirectory, seed: 1, config });

  // Before the others in order, so that all indices move.
  const [known] = await readAll(log, topics.items);
  assert.ok(known?.value);
  const added = { ...known.value, item_id: 'a0', category: 'archaic', tags: ['aaa', 'tag1'] };
  await write(log, topics.items, [added], ({ item_id }) => item_id);
  await writeExamples(opened, [example('a-user', 'a0', startMs), example('a-user', 'i1', startMs + 1)]);
  const second = await takeSnapshot({ ...opened, clock: systemClock, logger });
  const train = (learningRate: number, seed: number) =>
    trainFromSnapshot(second, {
      dataDirectory,
      seed,
      config: { ...config, learningRate, epochs: 1 },
      base: {
        version: base.version,
        versionDirectory: base.directory,
        snapshotDirectory: first.directory,
      },
    });
  // So slow that nothing is learned: what is there is what was taken over.
  const { candidate: still } = await train(1e-12, 9);
  const before = await openVersion(join(dataDirectory, base.directory));
  const after = await openVersion(join(dataDirectory, still.directory));
  for (const itemId of ['i0', 'i1', 'i29']) {
    const [was, is] = [vectorOf(before, itemId), vectorOf(after, itemId)];
    assert.ok(
      was.every((value, i) => Math.abs(value - (is[i] as number)) < 1e-4),
      itemId,
    );
  }
  const { candidate: moved } = await train(0.05, 9);
  const learned = await openVersion(join(dataDirectory, moved.directory));
  assert.notDeepEqual(vectorOf(learned, 'i1'), vectorOf(before, 'i1'));
  // What is new has a vector, and one that its examples have moved.
  const knows = (files: VersionFiles) => Vocabulary.parse(files.read('vocabulary.json')).itemIndex('a0');
  assert.deepEqual([knows(before), knows(learned)], [undefined, 0]);
  assert.ok(vectorOf(learned, 'a0').every(Number.isFinite));
  assert.notDeepEqual(vectorOf(learned, 'a0'), vectorOf(after, 'a0'));
});
