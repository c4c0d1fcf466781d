/** Millrace's index in a process of its own: `own.ts DIRECTORY DIM TARGETS` prints what it took, as `peer.py` does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlatIndex } from '#models';
import { type Asked, K, measured, type Took } from './system.ts';

const [directory = '', width = '', targets = ''] = process.argv.slice(2);
const dim = Number(width);
const bytesIn = (name: string) => new Uint8Array(readFileSync(join(directory, name))).buffer;

const items = new Float32Array(bytesIn('vectors'));
const asked: Asked = {
  dim,
  queries: new Float32Array(bytesIn('queries')),
  truth: new Int32Array(bytesIn('truth')),
};
const [before, start] = [process.memoryUsage().rss, performance.now()];
const index = FlatIndex.build(items, dim);
const buildSeconds = (performance.now() - start) / 1000;
const memoryBytes = process.memoryUsage().rss - before;
const found = measured((query) => index.search(query, K).ids, 1, asked, targets.split(',').map(Number));
process.stdout.write(JSON.stringify({ buildSeconds, memoryBytes, targets: found } satisfies Took));
