import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { decodeCheckpoint, openVersion, WEIGHTS_FILE } from '#models';
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
import type { Snapshot } from '#schemas';
import { type TrainingOptions, trainFromSnapshot } from '../thread/run-thread.ts';

/** A real encoder, of width 3, of the words below among others. */
const textEncoder = join(import.meta.dirname, '../../../models/text-encoder/testing/tfidf/model.onnx');
const config = { dim: 8, hidden: 8, historyLength: 5, batchSize: 64, candidates: 16, epochs: 2 };
const logger = createLogger({ level: 'silent', name: 'test' });

async function titledWorld(t: TestContext) {
  const opened = await smallWorld(t);
  await fillSmallWorld(opened);
  const { log, topics } = opened;
  const items = (await readAll(log, topics.items)).flatMap(({ value }) => (value === null ? [] : [value]));
  const titled = items.map((item, i) => ({ ...item, title: i % 2 === 0 ? 'Trail running' : 'Walnut cake' }));
  await write(log, topics.items, titled, ({ item_id }) => item_id);
  return opened;
}

test('a version says by which encoder its titles were read; what learned from one is not taken over by another', async (t) => {
  const opened = await titledWorld(t);
  const { dataDirectory } = opened;
  const snapshot = () => takeSnapshot({ ...opened, clock: systemClock, logger });
  const trained = async (of: Snapshot, options: Pick<TrainingOptions, 'config' | 'base'>) => {
    const { candidate } = await trainFromSnapshot(of, { dataDirectory, seed: 1, ...options });
    const files = await openVersion(join(dataDirectory, candidate.directory));
    const text = decodeCheckpoint(files.read(WEIGHTS_FILE)).arrays.get('text') as Float32Array;
    return { ...candidate, files, text };
  };

  const first = await snapshot();
  const missing = trained(first, { config: { ...config, textEncoder: join(dataDirectory, 'none.onnx') } });
  await assert.rejects(missing, { code: 'MR_TEXT_ENCODER_MISSING' });
  assert.ok(!existsSync(join(dataDirectory, 'versions')), 'nothing is left of it');

  const base = await trained(first, { config: { ...config, textEncoder } });
  const graph = readFileSync(textEncoder);
  const sha256 = createHash('sha256').update(graph).digest('hex');
  assert.deepEqual(base.files.manifest.textEncoder, [{ name: 'model.onnx', bytes: graph.length, sha256 }]);
  const card = base.files.read('card.md').toString();
  assert.ok(card.includes(sha256) && !card.includes(textEncoder), 'by its hash, not by where it lay');

  await writeExamples(opened, [example('u1', 'i1', startMs), example('u2', 'i1', startMs + 1)]);
  const second = await snapshot();
  // So slow that nothing is learned: what is there is what was taken over.
  const refreshed = (path: string) =>
    trained(second, {
      config: { ...config, textEncoder: path, learningRate: 1e-12, epochs: 1 },
      base: {
        version: base.version,
        versionDirectory: base.directory,
        snapshotDirectory: first.directory,
      },
    });
  const isTaken = ({ text }: { text: Float32Array }) =>
    text.every((value, i) => Math.abs(value - (base.text[i] as number)) < 1e-6);
  assert.ok(isTaken(await refreshed(textEncoder)));
  // The same graph, followed by a field that nobody reads.
  const other = join(dataDirectory, 'model.onnx');
  writeFileSync(other, Buffer.concat([graph, Buffer.from([0xc0, 0x3e, 1])]));
  assert.ok(!isTaken(await refreshed(other)));
});
