import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { writeRecords } from '#engine';
import { localArtifacts, seededRandom } from '#models';
import { takeSnapshot } from '#offline';
import { fillSmallWorld } from '#offline/testing';
import { systemClock } from '#platform';
import { testSeed, withFlippedBit } from '#platform/testing';
import { installed } from '../testing/installed.ts';
import { verifiedFiles } from './files.ts';

const FLIPS = 100;

/** Every bit of them counts, those of the file that lists the others as well. */
const version = {
  'user-tower.onnx': Buffer.alloc(600, 'tower'),
  'items.index': Buffer.alloc(900, 7),
  'card.md': Buffer.from('# A model'),
};

/** As versions are. */
const WRITTEN = ['versions', 'indexes'];

async function withSnapshotAndVersion(t: TestContext) {
  const { installation } = await installed(t);
  const { topics, log, configuration, logger } = installation;
  await fillSmallWorld({ log, topics });
  const source = { log, topics, dataDirectory: configuration.data, clock: systemClock, logger };
  const value = await takeSnapshot(source);
  await writeRecords(log, topics.snapshots, [{ key: value.snapshot_id, value, timestamp: value.ts }]);
  const described = {
    ...{ model: 'two-tower', snapshotId: '0123456789abcdef', seed: 1, dimension: 8, itemCount: 3 },
    ...{ protocol: 'per-user-last-20%', metrics: { 'recall@10': 0.5 } },
    ...{ popularity: {}, decayedPopularity: {} },
  };
  for (const kind of WRITTEN) await localArtifacts(join(configuration.data, kind)).write(described, version);
  const all = { share: 1, random: Math.random };
  return {
    data: configuration.data,
    verified: async () => {
      const found = new Map<string, string>();
      for await (const { task, result, detail } of verifiedFiles(installation, all, AbortSignal.any([])))
        found.set(task, result === 'equal' ? result : `${result}: ${detail}`);
      return found;
    },
  };
}

it(`finds each of ${FLIPS} flipped bits in snapshots, in versions and in indexes, and changes nothing`, {
  timeout: 120_000,
}, async (t) => {
  const random = seededRandom(testSeed);
  const { data, verified } = await withSnapshotAndVersion(t);
  const sound = await verified();
  assert.deepEqual(
    [...sound.entries()],
    ['log.sqlite', 'archive', 'snapshots', ...WRITTEN].map((kind) => [kind, 'equal']),
  );
  const kinds = ['snapshots', ...WRITTEN].map((kind) => {
    const files = readdirSync(join(data, kind), { recursive: true, encoding: 'utf8' })
      .map((name) => join(data, kind, name))
      .filter((path) => statSync(path).isFile());
    assert.ok(files.length > 3, kind);
    return { kind, files };
  });
  for (let i = 0; i < FLIPS; i++) {
    const flips = kinds.map(({ kind, files }) => {
      const path = files[i % files.length] ?? assert.fail();
      const bytes = readFileSync(path);
      const bit = random.integer(8 * bytes.length);
      const flipped = withFlippedBit(bytes, bit);
      writeFileSync(path, flipped);
      return { kind, path, bytes, flipped, what: `bit ${bit} of ${path}, seed ${testSeed}` };
    });
    const found = await verified();
    for (const { kind, path, bytes, flipped, what } of flips) {
      const said = found.get(kind) ?? '';
      assert.ok(said.startsWith('different: ') && said.includes(path), `${what}: ${said}`);
      assert.ok(readFileSync(path).equals(flipped), what);
      writeFileSync(path, bytes);
    }
    assert.deepEqual([found.get('log.sqlite'), found.get('archive')], ['equal', 'equal']);
  }
  assert.deepEqual(await verified(), sound);
});
