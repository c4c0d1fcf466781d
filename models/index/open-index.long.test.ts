import assert from 'node:assert/strict';
import test from 'node:test';
import { saveIndex } from './files/index-file.ts';
import { buildIvf } from './ivf/build.ts';
import { MaintainedIndex } from './ivf/maintained-index.ts';
import { openIndex, openIndexToSend, receiveIndex } from './open-index.ts';
import { clusteredVectors } from './testing/clustered-vectors.ts';

const [COUNT, DIM] = [6000, 16];
const vectors = clusteredVectors(COUNT, DIM, { clusters: 80, seed: 1 });
/** In one dimension alone: they take another number of lists than the vectors do. */
const queries = vectors.slice(0, 100 * DIM).map((x, i) => (i % DIM === 0 ? x : 0));

test('rebuilds are calibrated with the queries that an index was opened with', async () => {
  const built = buildIvf(vectors, DIM, { queries });
  const file = saveIndex(built.toParts());
  const unknown = buildIvf(vectors, DIM).calibration.nprobe;
  for (const opened of [openIndex(file, { queries }), receiveIndex(openIndexToSend(file, queries))]) {
    assert.ok(opened instanceof MaintainedIndex);
    await opened.rebuild();
    const nprobe = opened.toParts().calibration?.nprobe as number;
    const known = built.calibration.nprobe;
    assert.ok(Math.abs(nprobe - known) < Math.abs(nprobe - unknown), `${nprobe}, ${known}, ${unknown}`);
    await opened.close();
  }
});
