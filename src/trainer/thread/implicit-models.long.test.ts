import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openVersion } from '#models';
import { takeSnapshot } from '#offline';
import { example, fillSmallWorld, smallWorld, startMs, writeExamples } from '#offline/testing';
import { createLogger, systemClock } from '#platform';
import { trainFromSnapshot } from './run-thread.ts';
import { VersionTrainer } from './version-training.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const cases = [
  { model: 'item-knn', config: { neighbours: 5 } },
  { model: 'ease', config: { weightsPerItem: 5 } },
  { model: 'ials', config: { dim: 8, epochs: 4 } },
] as const;

async function snapshotted(t: TestContext) {
  const opened = await smallWorld(t);
  await fillSmallWorld(opened);
  const take = () => takeSnapshot({ ...opened, clock: systemClock, logger });
  return { ...opened, take, snapshot: await take() };
}

for (const { model, config } of cases) {
  test(`${model}: judged by what is served, and a training that is cut off comes to the same version`, async (t) => {
    const { dataDirectory, snapshot } = await snapshotted(t);
    const what = { dataDirectory, seed: 1, model, config };
    const { candidate, losses } = await trainFromSnapshot(snapshot, what);
    assert.ok((candidate.metrics['recall@100'] ?? 0) > 0.9 && losses.every(Number.isFinite));
    const files = await openVersion(join(dataDirectory, candidate.directory));
    assert.deepEqual([files.manifest.model, files.manifest.itemCount], [model, candidate.items]);
    assert.ok(!files.read('vocabulary.json').includes('"u1"'), 'it knows no user');

    const directory = join(dataDirectory, 'runs', 'r');
    const begun = { ...what, snapshot, checkpoints: { directory, everySteps: 1 } };
    const stopping = new AbortController();
    const first = new VersionTrainer(begun);
    const cutOff = first.train({ signal: stopping.signal, onProgress: () => stopping.abort() });
    if (model === 'ials') await assert.rejects(cutOff);
    else await cutOff;
    await first.close();
    assert.equal(readdirSync(directory).length, 1);
    const second = new VersionTrainer(begun);
    t.after(() => second.close());
    let steps = 0;
    await second.train({ onProgress: () => steps++ });
    assert.equal(steps, model === 'ials' ? 7 : 0, 'what was done is not done again');
    const { candidate: resumed } = await second.evaluate({
      version: candidate.version,
      directory: candidate.directory,
    });
    assert.equal(resumed.version, candidate.version);
    assert.equal(resumed.production?.differences['ndcg@10']?.mean, 0, 'the version in force is judged alike');
  });

  test(`${model}: the validation part can say when to stop`, async (t) => {
    const { dataDirectory, snapshot } = await snapshotted(t);
    const epochs: Readonly<Record<string, number>>[] = [];
    await trainFromSnapshot(snapshot, {
      ...{ dataDirectory, seed: 1, model, config },
      judgedBy: 'validated',
      patience: 1,
      onEpoch: (_epoch, _step, values) => epochs.push(values),
    });
    assert.ok(epochs.every((values) => (values['recall@10'] ?? -1) >= 0));
  });
}

test('ials: a refresh begins with the item vectors of a version, though others have come in between', async (t) => {
  const opened = await snapshotted(t);
  const { dataDirectory, snapshot } = opened;
  const train = (epochs: number) => ({ dataDirectory, seed: 1, model: 'ials', config: { dim: 8, epochs } });
  const { candidate, losses } = await trainFromSnapshot(snapshot, train(20));
  await writeExamples(opened, [example('a-user', 'a0', startMs), example('a-user', 'i1', startMs + 1)]);
  const next = await opened.take();
  const base = {
    version: candidate.version,
    versionDirectory: candidate.directory,
    snapshotDirectory: snapshot.directory,
  };
  const scratch = await trainFromSnapshot(next, train(1));
  const refreshed = await trainFromSnapshot(next, { ...train(1), base });
  const [last = 0, fresh = 0, warm = 0] = [losses.at(-1), scratch.losses[0], refreshed.losses[0]];
  assert.ok(Math.abs(warm - last) < Math.abs(fresh - last) / 2, `${warm} after ${last}, not ${fresh}`);
});
