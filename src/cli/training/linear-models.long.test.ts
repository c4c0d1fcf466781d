import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

type Started = { readonly url: string; readonly version: string };
type Answer = {
  readonly version: string;
  readonly items: readonly { readonly item_id: string; readonly score: number; readonly source: string }[];
};
type Similar = { readonly version: string; readonly items: Answer['items'] };
type Listed = { readonly version: string; readonly kind: string; readonly serving: boolean };

const headers = { connection: 'close' };

describe('the models of implicit feedback', () => {
  for (const model of ['ials', 'item-knn', 'ease']) {
    it(`${model} is trained, published, loaded and answers`, async (t) => {
      const training = { models: [model] };
      const models = { ials: { dim: 8 }, ease: { weightsPerItem: 20 } };
      const { begin, directory, print } = commandLine(t, { ...smallWorld, training, models });
      const file = join(directory, 'items.faiss');
      const start = begin(['start', '--json']);
      const up = JSON.parse((await start.until(/^\{"url".*\}$/m))[0]) as Started;

      const [listed] = jsonLines<Listed>((await print(['versions', '--json'])).out);
      assert.deepEqual([listed?.kind, listed?.serving, listed?.version], [model, true, up.version]);

      const answer = await asked<Answer>(`${up.url}/recommend/u1?k=5`);
      assert.equal(answer.version, up.version);
      assert.ok(
        answer.items.some(({ source }) => source === 'index'),
        'not only popular items',
      );
      const found = answer.items.filter(({ source }) => source === 'index').map(({ score }) => score);
      assert.deepEqual(
        found,
        found.toSorted((a, b) => b - a),
      );

      const response = await fetch(`${up.url}/similar/i1?k=5`, { headers });
      const similar = (await response.json()) as Similar & { readonly code: string };
      if (model !== 'ease') {
        assert.equal(similar.version, up.version);
        assert.ok(similar.items.length > 0 && similar.items.length <= 5);
        assert.ok(similar.items.every(({ item_id, score }) => item_id !== 'i1' && score > 0 && score <= 1));
        const missing = await fetch(`${up.url}/similar/none`, { headers });
        assert.equal(((await missing.json()) as { code: string }).code, 'MR_SIMILAR_ITEM');
      } else assert.deepEqual([response.status, similar.code], [400, 'MR_SIMILAR_MODEL']);
      assert.equal((await start.signal('SIGINT')).code, 0);

      const exported = await print(['versions', 'export', up.version.slice(0, 8), '--faiss', file, '--json']);
      if (model !== 'ials') {
        assert.equal(exported.code, 2);
        assert.match(exported.err, /MR_VERSION_NO_VECTORS/);
        return;
      }
      const [{ vectors }] = jsonLines<{ vectors: number }>(exported.out) as [{ vectors: number }];
      const written = readFileSync(file);
      assert.equal(written.toString('latin1', 0, 4), 'IxFI');
      assert.deepEqual([written.readInt32LE(4), written.readBigInt64LE(8)], [8, BigInt(vectors)]);
      const ids = readFileSync(`${file}.items.txt`, 'utf8').trimEnd().split('\n');
      assert.equal(ids.length, vectors);
      assert.deepEqual(ids, ids.toSorted());
    });
  }
});

async function asked<T>(url: string): Promise<T> {
  const response = await fetch(url, { headers });
  assert.equal(response.status, 200);
  return (await response.json()) as T;
}
