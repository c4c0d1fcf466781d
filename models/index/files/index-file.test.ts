import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { replaceDurably } from '#platform';
import type { IndexParts } from '../parts.ts';
import { IndexFile, readIndex, saveIndex } from './index-file.ts';
import { extentsOf, HEADER_BYTES, SECTIONS } from './layout.ts';

const calibration = { nprobe: 2, target: 0.95, at: 100, curve: [{ nprobe: 2, recall: 0.96 }] } as const;

/** Three lists, one of them empty, with ids beyond their count. */
const lists: IndexParts = {
  dim: 2,
  metric: 'l2',
  centroids: Float32Array.of(0, 0, 1, 1, 5, 5),
  listSizes: Int32Array.of(2, 0, 1),
  ids: Int32Array.of(7, 2 ** 31 - 1, 0),
  vectors: Float32Array.of(0, 0.5, -0.25, 0, 5, 6),
  calibration,
};
const extents = extentsOf({
  dim: 2,
  metric: 'l2',
  centroids: 3,
  lists: 3,
  size: 3,
  calibrationBytes: JSON.stringify(calibration).length,
});

const sectionAt = (byte: number) =>
  byte < HEADER_BYTES ? 'header' : SECTIONS.find((section) => byte < extents[section].end);

const damaged = (section: string | undefined) => ({
  code: 'MR_INDEX_CORRUPT',
  message: new RegExp(`in section ${section}:`),
});

const anyParts = fc
  .record({
    dim: fc.integer({ min: 1, max: 9 }),
    metric: fc.constantFrom('inner-product' as const, 'l2' as const),
    flat: fc.boolean(),
    sizes: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 6 }),
  })
  .chain(({ dim, metric, flat, sizes }) => {
    const listSizes = Int32Array.from(flat ? sizes.slice(0, 1) : sizes);
    const size = listSizes.reduce((sum, each) => sum + each, 0);
    const floats = (length: number) =>
      fc.float32Array({ minLength: length, maxLength: length, noNaN: true, noDefaultInfinity: true });
    return fc.record({
      dim: fc.constant(dim),
      metric: fc.constant(metric),
      centroids: floats(flat ? 0 : listSizes.length * dim),
      listSizes: fc.constant(listSizes),
      ids: fc
        .uniqueArray(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: size, maxLength: size })
        .map((ids) => Int32Array.from(ids)),
      vectors: floats(size * dim),
      ...(!flat && { calibration: fc.constant(calibration) }),
    });
  });

test('what was written is read, from any address', () => {
  fc.assert(
    fc.property(anyParts, fc.integer({ min: 0, max: 5 }), (parts, shift) => {
      const bytes = saveIndex(parts as IndexParts);
      const shifted = Buffer.concat([Buffer.alloc(shift), bytes]).subarray(shift);
      assert.deepEqual(readIndex(shifted), { ...parts });
    }),
  );
});

test('arrays are those of the bytes where these are aligned: nothing is copied', () => {
  const bytes = saveIndex(lists);
  const { vectors, ids } = readIndex(bytes);
  assert.deepEqual([vectors.buffer, ids.buffer], [bytes.buffer, bytes.buffer]);
  for (const section of SECTIONS) assert.equal(extents[section].at % 64, 0);
});

test('one bit flipped anywhere, and the file is refused by the name of the section', () => {
  const bytes = saveIndex(lists);
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 0x80]) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ bit;
      assert.throws(() => readIndex(changed), damaged(sectionAt(at)), `byte ${at}`);
    }
  }
});

test('cut at any length, or longer, it is refused by the name of the section that is cut', () => {
  const bytes = saveIndex(lists);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => readIndex(bytes.subarray(0, length)), damaged(sectionAt(length)), `${length} bytes`);
  }
  assert.throws(() => readIndex(Buffer.concat([bytes, Buffer.of(0)])), damaged('calibration'));
});

test('parts that are no index are refused though their checksums hold', () => {
  const refused = (change: Partial<IndexParts>, section: string) =>
    assert.throws(() => readIndex(saveIndex({ ...lists, ...change })), damaged(section));
  refused({ listSizes: Int32Array.of(2, -1, 2) }, 'listSizes');
  refused({ listSizes: Int32Array.of(2, 0, 2) }, 'listSizes');
  refused({ ids: Int32Array.of(7, 7, 0) }, 'ids');
  refused({ ids: Int32Array.of(7, -1, 0) }, 'ids');
  refused({ vectors: Float32Array.of(0, 0.5, Number.NaN, 0, 5, 6) }, 'vectors');
  refused({ centroids: Float32Array.of(0, 0, 1, Number.POSITIVE_INFINITY, 5, 5) }, 'centroids');
  refused({ centroids: new Float32Array(0) }, 'centroids');
  refused({ centroids: Float32Array.of(0, 0) }, 'header');
  const large = { ...lists, vectors: new Float32Array(6).fill(3e38) };
  assert.deepEqual(readIndex(saveIndex(large)), large);
});

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-index-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test('a file is read in parts: damage is found where it is read, not elsewhere', async (t) => {
  const path = join(await directoryFor(t), 'items.index');
  await replaceDurably(path, saveIndex(lists));
  const whole = await IndexFile.open(path);
  t.after(() => whole.close());
  assert.deepEqual([whole.dim, whole.metric, whole.size], [2, 'l2', 3]);
  assert.deepEqual(await whole.calibration(), calibration);
  assert.deepEqual(await whole.parts(), lists);

  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(extents.vectors.at) ^ 1, extents.vectors.at);
  await writeFile(path, bytes);
  const changed = await IndexFile.open(path);
  t.after(() => changed.close());
  assert.deepEqual(await changed.calibration(), calibration);
  await assert.rejects(changed.parts(), damaged('vectors'));

  for (let length = 0; length < bytes.length; length += 7) {
    await writeFile(path, bytes.subarray(0, length));
    await assert.rejects(IndexFile.open(path), damaged(sectionAt(length)));
  }
});
