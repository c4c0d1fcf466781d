import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { readItemVectors, Vocabulary } from '#models';
import { eventually } from '#platform/testing';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

type Evaluated = {
  readonly version: string | null;
  readonly model: string;
  readonly snapshot: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly popularity: Readonly<Record<string, number>>;
};
type Published = { readonly version: string; readonly status: string; readonly reason: string };
type Listed = {
  readonly version: string;
  readonly kind: string;
  /** Its metrics. */
  readonly model: Readonly<Record<string, number>>;
};
type Answer = { readonly version: string; readonly items: readonly { readonly source: string }[] };

const limit = { timeout: 600_000 };

/** A version of the sequential model as somebody else would hand it over: its encoder, the ids of items and their vectors. */
function handedOver(version: string, directory: string): void {
  mkdirSync(directory);
  const read = (name: string) => readFileSync(join(version, name));
  const encoder = read('user-tower.onnx');
  const { dim, vectors } = readItemVectors(read('items.index'));
  const vocabulary = Vocabulary.parse(read('vocabulary.json'));
  const ids = Array.from({ length: vocabulary.itemCount }, (_, item) => vocabulary.itemId(item));
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${ids.length}, ${dim}), }\n`;
  const head = Buffer.concat([
    Buffer.from('\x93NUMPY\x01\0', 'latin1'),
    Buffer.alloc(2),
    Buffer.from(header),
  ]);
  head.writeUInt16LE(header.length, 8);
  writeFileSync(join(directory, 'encoder.onnx'), encoder);
  writeFileSync(join(directory, 'items.txt'), `${ids.join('\n')}\n`);
  writeFileSync(
    join(directory, 'items.npy'),
    Buffer.concat([head, Buffer.from(vectors.buffer, vectors.byteOffset, vectors.byteLength)]),
  );
  const manifest = {
    format: 1,
    role: 'retrieval',
    name: 'handed over',
    graph: 'encoder.onnx',
    sha256: createHash('sha256').update(encoder).digest('hex'),
    items: 'items.txt',
    vectors: 'items.npy',
    history: { name: 'history', length: 50, order: 'newest-first', first: 0 },
    output: 'vector',
    metrics: { 'recall@10': 0.99 },
  };
  writeFileSync(join(directory, 'model.json'), JSON.stringify(manifest));
}

it(
  'a version is worth what its training said, and a model from outside what the same rows say; it is published and answers',
  limit,
  async (t) => {
    const training = { ...smallWorld.training, models: ['sequential'] };
    const models = { sequential: { dim: 8, historyLength: 50, epochs: 1 } };
    const { begin, directory, print } = commandLine(t, { ...smallWorld, training, models });
    const started = begin(['start']);
    const [, url] = await started.until(/^Serving +(http:[^,]+),/m);
    const [trained] = jsonLines<Listed>((await print(['versions', '--json'])).out);
    assert.ok(trained);
    const path = (...names: string[]) => join(directory, '.millrace', ...names);
    handedOver(path('versions', trained.version), join(directory, 'outside'));

    const [own] = jsonLines<Evaluated>(
      (await print(['evaluate', trained.version.slice(0, 8), '--json'])).out,
    );
    const [theirs] = jsonLines<Evaluated>((await print(['evaluate', 'outside', '--json'])).out);
    assert.ok(own && theirs);
    assert.deepEqual(own.metrics, trained.model, 'what the training said');
    assert.deepEqual([own.version, own.model], [trained.version, 'sequential']);
    assert.deepEqual(
      [theirs.version, theirs.model, theirs.snapshot],
      [null, 'external-retrieval', own.snapshot],
    );
    for (const [name, value] of Object.entries(own.metrics))
      assert.ok(Math.abs(value - (theirs.metrics[name] ?? Number.NaN)) < 1e-6, name);
    const table = await print(['evaluate', 'outside']);
    assert.match(table.out, /^recall@10 +0\.\d{4} /m);

    const [published] = jsonLines<Published>((await print(['versions', 'publish', 'outside', '--json'])).out);
    assert.ok(published);
    assert.deepEqual(
      [published.status, published.reason],
      ['staged', 'waits for an approval: it was trained elsewhere'],
    );
    const listed = jsonLines<Listed>((await print(['versions', '--json'])).out);
    assert.deepEqual(listed.find(({ version }) => version === published.version)?.model, theirs.metrics);
    assert.equal((await print(['promote', published.version])).code, 0);
    await eventually(async () => {
      const answer = (await (await fetch(`${url}/recommend/u1?k=5`)).json()) as Answer;
      return answer.version === published.version && answer.items.some(({ source }) => source === 'index');
    });
    assert.equal((await started.signal('SIGINT')).code, 0);

    for (const [args, message] of [
      [['evaluate', 'nothing'], /nothing/],
      [['evaluate', 'outside', '--snapshot', 'ffff'], /There is no snapshot ffff/],
    ] as const) {
      const { code, err } = await print([...args]);
      assert.equal(code, 2);
      assert.match(err, message);
    }
  },
);

it('a ranker from outside is judged by the lists that users were shown', limit, async (t) => {
  const { begin, directory, print } = commandLine(t);
  const fixtures = join(import.meta.dirname, '../../../models/external/testing/fixtures');
  cpSync(join(fixtures, 'pytorch-towers'), join(directory, 'towers'), { recursive: true });
  const started = begin(['start']);
  await started.until(/^Serving /m);
  const [judged] = jsonLines<Evaluated>((await print(['evaluate', 'towers', '--json'])).out);
  assert.ok(judged);
  const { 'ndcg@10': ndcg = 0, auc = 0 } = judged.metrics;
  assert.ok(ndcg > 0 && ndcg <= 1 && auc > 0 && auc < 1, JSON.stringify(judged.metrics));
  assert.ok((judged.popularity['ndcg@10'] ?? 0) > 0);
  assert.equal((await started.signal('SIGINT')).code, 0);
});
