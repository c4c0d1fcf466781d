import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { buildIvf, FlatIndex, IvfIndex, readFaiss, writeFaiss } from '#models';
import type { IndexBuild } from '#schemas';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

it('reindex builds the index of the version in force, by a running start and without one', async (t) => {
  const { begin, run, directory } = commandLine(t, smallWorld);
  const none = await run(['reindex']);
  assert.deepEqual([none.code, /MR_\w+/.exec(none.err)?.[0]], [2, 'MR_DATA_EMPTY']);
  const start = begin(['start', '--json']);
  const up = JSON.parse((await start.until(/^\{"url".*\}$/m))[0]) as { url: string; version: string };
  const [beside] = jsonLines<IndexBuild>((await run(['reindex', '--json'])).out);
  assert.equal(beside?.version, up.version);
  const health = async () => (await fetch(`${up.url}/metrics`, { headers: { connection: 'close' } })).text();
  while (!(await health()).includes('index_loads_total{outcome="loaded"} 1'));
  assert.equal((await start.signal('SIGINT')).code, 0);

  const alone = await run(['reindex']);
  assert.equal(alone.code, 0, alone.err);
  assert.match(
    alone.out,
    new RegExp(`^index ${beside?.index} of version ${up.version}: \\d+ items, exact$`, 'm'),
  );

  // Out to FAISS, back in with lists, and out again.
  const file = join(directory, 'items.faiss');
  const exporting = ['versions', 'export', up.version, '--faiss', file, '--built', '--json'];
  const importing = ['versions', 'import', up.version, '--faiss', file, '--json'];
  const refusedBy = ({ code, err }: { readonly code: number | null; readonly err: string }) => [
    code,
    /MR_\w+/.exec(err)?.[0],
  ];
  assert.equal((await run(exporting)).code, 0);
  const flat = readFaiss(readFileSync(file)).parts;
  const names = readFileSync(`${file}.items.txt`, 'utf8');
  assert.deepEqual([flat.ids.length, names.split('\n').length - 1], [beside?.items, beside?.items]);
  const { vectors, dim, ids } = flat;
  const lists = buildIvf(vectors, dim, { ids, lists: 4 }).toParts();
  writeFileSync(file, writeFaiss(lists));
  const imported = await run(importing);
  assert.equal(imported.code, 0, imported.err);
  const [build] = jsonLines<IndexBuild>(imported.out);
  assert.notEqual(build?.index, beside?.index);
  assert.ok((build?.probes ?? 0) >= 1 && (build?.recall ?? 0) >= 0.99);
  assert.equal((await run(exporting)).code, 0);
  const again = readFaiss(readFileSync(file));
  assert.deepEqual(again.nprobe, build?.probes);
  const [asked, whole] = [vectors.subarray(0, dim), FlatIndex.fromParts(flat)];
  assert.deepEqual(
    IvfIndex.fromParts(again.parts).search(asked, 10).ids,
    whole.search(asked, 10).ids,
    'the same items for the same query',
  );

  writeFileSync(`${file}.items.txt`, names.replace(/^.*\n/, ''));
  assert.deepEqual(refusedBy(await run(importing)), [2, 'MR_VERSION_INDEX_ITEMS']);
  writeFileSync(`${file}.items.txt`, names);
  writeFileSync(file, writeFaiss({ ...lists, metric: 'l2' }));
  assert.deepEqual(refusedBy(await run(importing)), [2, 'MR_INDEX_UNSUPPORTED']);
  writeFileSync(file, writeFaiss(FlatIndex.build(vectors, 1).toParts()));
  assert.deepEqual(refusedBy(await run(importing)), [2, 'MR_INDEX_DIMENSION']);
  writeFileSync(file, writeFaiss({ ...lists, ids: ids.map((id) => id + 1) }));
  assert.deepEqual(refusedBy(await run(importing)), [2, 'MR_INDEX_ID']);

  const served = begin(['start', '--json']);
  const { url } = JSON.parse((await served.until(/^\{"url".*\}$/m))[0]) as { url: string };
  const metrics = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
  assert.match(metrics, /index_loads_total\{outcome="loaded"\} 1/);
  assert.equal((await served.signal('SIGINT')).code, 0);
});
