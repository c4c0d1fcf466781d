import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { gatherRows } from '../../graph/layout.ts';
import { toOnnx } from '../../graph/onnx.ts';
import { Graph } from '../../graph/tensor.ts';
import { readItemVectors } from '../../serving/item-vectors.ts';
import { Vocabulary } from '../../vocabulary.ts';
import { readOutside } from '../open-outside.ts';
import { externalServing } from './directory.ts';
import { readNpy } from './npy.ts';

const FIXTURE = 'pytorch-sequence';
const fixtures = join(import.meta.dirname, '../testing/fixtures');
/** What testing/make-fixtures.py has just made, where it could. */
const exported = process.env.EXPORTED_MODELS;
const skip = exported === undefined && 'no EXPORTED_MODELS: testing/make-fixtures.py makes them';

type Manifest = {
  readonly history: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
};

/** A copy of the fixture with another manifest, and other files. */
function changed(
  t: TestContext,
  changes: (manifest: Manifest) => Readonly<Record<string, unknown>>,
  files: Readonly<Record<string, Uint8Array | string>> = {},
): string {
  const directory = join(temporaryDirectory(t), FIXTURE);
  cpSync(join(fixtures, FIXTURE), directory, { recursive: true });
  const path = join(directory, 'model.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  writeFileSync(path, JSON.stringify({ ...manifest, ...changes(manifest) }));
  for (const [name, contents] of Object.entries(files)) writeFileSync(join(directory, name), contents);
  return directory;
}

const refused = (directory: string, code: string, message: RegExp) =>
  assert.rejects(readOutside(directory), { code, message, remedy: 'fix-input' });

/** As numpy.save writes it, in a version of its format. */
function npy(
  shape: readonly number[],
  values: Float32Array,
  { descr = '<f4', order = 'False', version = 1 } = {},
) {
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.join(', ')}), }\n`;
  const length = version === 1 ? Buffer.alloc(2) : Buffer.alloc(4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  const magic = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1');
  return Buffer.concat([magic, length, Buffer.from(text), Buffer.from(values.buffer)]);
}

describe('models from outside that find items', () => {
  const encodesAlike = async (directory: string) => {
    const { role, model, dimension, items, contents } = await readOutside(directory);
    assert.deepEqual([role, model, dimension, items], ['retrieval', 'external-retrieval', 8, 60]);
    const { vectors } = readItemVectors(contents['items.index'] as Uint8Array);
    const { values } = readNpy(readFileSync(join(directory, 'items.npy')), 'items.npy');
    assert.deepEqual(vectors, values);
    const vocabulary = Vocabulary.parse(contents['vocabulary.json'] as Uint8Array);
    assert.deepEqual([vocabulary.itemIndex('i0'), vocabulary.itemIndex('i59')], [0, 59]);

    assert.ok(externalServing.kind === 'vectors');
    const encoder = await externalServing.encoder(contents);
    const { histories, vectors: expected } = JSON.parse(
      readFileSync(join(directory, 'expected.json'), 'utf8'),
    ) as { histories: number[][]; vectors: number[][] };
    const users = [...histories, []].map((history) => ({ user: 0, history, profile: [], context: [] }));
    const encoded = await encoder.encode(users);
    for (const [i, value] of [...expected, Array(8).fill(0)].flat().entries())
      assert.ok(Math.abs(value - (encoded[i] as number)) < 1e-5, `${value} and ${encoded[i]}`);
    assert.equal(encoded.length, users.length * 8);
    await encoder.close();
  };
  it('encode users as the framework did that exported them', () => encodesAlike(join(fixtures, FIXTURE)));
  it('so they do fresh from it', { skip }, () => encodesAlike(join(exported ?? '', FIXTURE)));

  it('the order of a history, and the number of the first item, are as the manifest says', async (t) => {
    const vectorOf = async (order: string, first: number, history: readonly number[]) => {
      const directory = changed(t, (manifest) => ({ history: { ...manifest.history, order, first } }));
      const { contents } = await readOutside(directory);
      assert.ok(externalServing.kind === 'vectors');
      const encoder = await externalServing.encoder(contents);
      const vector = await encoder.encode([{ user: 0, history, profile: [], context: [] }]);
      await encoder.close();
      return vector;
    };
    const full = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
    const asIs = await vectorOf('oldest-first', 1, full);
    assert.deepEqual(await vectorOf('newest-first', 1, full.toReversed()), asIs);
    assert.deepEqual(
      await vectorOf(
        'newest-first',
        0,
        full.toReversed().map((item) => item + 1),
      ),
      asIs,
    );
    assert.notDeepEqual(await vectorOf('newest-first', 1, full), asIs);
    // Only the newest ten are looked at, whichever way round.
    assert.deepEqual(await vectorOf('oldest-first', 1, [...full, 30, 31]), asIs);
  });

  it('are refused where the manifest and the encoder differ', async (t) => {
    const history = (changes: object) =>
      changed(t, (manifest) => ({ history: { ...manifest.history, ...changes } }));
    await refused(
      history({ name: 'ids' }),
      'MR_MODEL_SIGNATURE',
      /the inputs history; the manifest says ids/,
    );
    await refused(
      history({ length: 11 }),
      'MR_MODEL_SIGNATURE',
      /takes 10 items of a user; the manifest says 11/,
    );
    await refused(
      changed(t, () => ({ output: 'user' })),
      'MR_MODEL_SIGNATURE',
      /output user; the graph has vector/,
    );
    await refused(history({ first: 2 }), 'MR_MODEL_PROBE', /a run over 3 histories failed/);
    await refused(
      changed(t, () => ({ sha256: '0'.repeat(64) })),
      'MR_MODEL_HASH',
      /SHA-256/,
    );
  });

  it('are refused where the encoder takes more than histories; a hash may have capital letters', async (t) => {
    const graph = new Graph();
    const table = graph.constant(new Float32Array(80), [10, 8]);
    graph.output('places', gatherRows(table, graph.input('history', ['n', 10], 'int64')));
    graph.output('vector', gatherRows(table, graph.input('extra', ['n'], 'int64')));
    const encoder = toOnnx(graph);
    const sha256 = createHash('sha256').update(encoder).digest('hex');
    const both = changed(t, () => ({ sha256 }), { 'encoder.onnx': encoder });
    await refused(both, 'MR_MODEL_SIGNATURE', /inputs history, extra; the manifest says history alone/);
    const capital = changed(t, (manifest) => ({ sha256: String(manifest.sha256).toUpperCase() }));
    assert.equal((await readOutside(capital)).name, FIXTURE);
  });

  it('are refused where the files are not what the manifest says', async (t) => {
    const vectors = new Float32Array(60 * 8);
    const withFile = (name: string, contents: Uint8Array | string) =>
      changed(t, () => ({}), { [name]: contents });
    const lines = Array.from({ length: 60 }, (_, i) => `i${i}`);
    const text = (each: readonly string[]) => `${each.join('\n')}\n`;
    for (const [directory, message] of [
      [withFile('items.txt', text(lines.slice(1))), /60 vectors, and items\.txt 59 items/],
      [withFile('items.txt', text(lines.with(7, 'i3'))), /line 8 of items\.txt has i3 again/],
      [withFile('items.txt', text(lines.with(7, ''))), /line 8 of items\.txt is empty/],
      [
        withFile('items.npy', npy([60, 4], vectors.subarray(0, 240).slice())),
        /4 numbers each, and the vectors of users 8/,
      ],
      [withFile('items.npy', npy([60, 8], vectors).subarray(0, -1)), /are 1920 bytes, and it has 1919/],
      [withFile('items.npy', Buffer.concat([npy([60, 8], vectors), Buffer.alloc(1)])), /and it has 1921/],
      [withFile('items.npy', npy([60, 8], vectors, { descr: '<f8' })), /its header is .*<f8/],
      [withFile('items.npy', npy([60, 8], vectors, { order: 'True' })), /its header is .*True/],
      [withFile('items.npy', npy([480], vectors)), /its header is/],
      [withFile('items.npy', 'none'), /no file of numpy\.save/],
      [changed(t, () => ({ vectors: '../items.npy' })), /There is no \.\.\/items\.npy/],
      [changed(t, () => ({ vectors: 'none.npy' })), /There is no none\.npy/],
    ] as const)
      await refused(directory, 'MR_MODEL_MANIFEST', message);
    const nan = withFile('items.npy', npy([60, 8], new Float32Array(480).fill(Number.NaN)));
    await refused(nan, 'MR_INDEX_VECTOR', /./);
    for (const version of [1, 2, 3]) {
      const read = readNpy(npy([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6), { version }), 'items.npy');
      assert.deepEqual(read, { rows: 2, columns: 3, values: Float32Array.of(1, 2, 3, 4, 5, 6) });
    }
  });

  it('are refused with a manifest that is none, which says where', async (t) => {
    const history = (changes: object) =>
      changed(t, (manifest) => ({ history: { ...manifest.history, ...changes } }));
    for (const [directory, message] of [
      [changed(t, () => ({ format: 2 })), /format is 2/],
      [changed(t, () => ({ role: 'similar' })), /role is "similar", not ranking or retrieval/],
      [changed(t, () => ({ colour: 'red' })), /unknown field "colour"; known: format, role/],
      [changed(t, () => ({ items: '' })), /items is ""/],
      [history({ length: 0 }), /history\.length is 0/],
      [history({ order: 'random' }), /history\.order is "random", not one of newest-first, oldest-first/],
      [history({ first: 0.5 }), /history\.first is 0\.5/],
      [history({ padding: 0 }), /history has an unknown field "padding"/],
    ] as const)
      await refused(directory, 'MR_MODEL_MANIFEST', message);
  });
});
