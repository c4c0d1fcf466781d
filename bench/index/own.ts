/**
 * Millrace's index in a process of its own: `own.ts DIRECTORY DIM TARGETS` prints what it took, as `peer.py` does, and
 * leaves the index there as a file of FAISS.
 */
import { closeSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildIvf, writeFaiss } from '#models';
import { adjustable } from './own-index.ts';
import { type Asked, measured, processorSeconds, type Took } from './system.ts';

const [directory = '', width = '', targets = ''] = process.argv.slice(2);
const dim = Number(width);

/** Without a second copy, whose end would be taken for memory that the index does without. */
function bytesIn(name: string): ArrayBuffer {
  const file = openSync(join(directory, name), 'r');
  const bytes = new Uint8Array(fstatSync(file).size);
  for (let at = 0; at < bytes.length; ) at += readSync(file, bytes, at, bytes.length - at, at);
  closeSync(file);
  return bytes.buffer;
}

/** What the process holds once garbage is gone; it is started with --expose-gc. */
function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}

const items = new Float32Array(bytesIn('vectors'));
const asked: Asked = {
  dim,
  queries: new Float32Array(bytesIn('queries')),
  truth: new Int32Array(bytesIn('truth')),
};
const [before, start] = [memory(), processorSeconds()];
const index = buildIvf(items, dim);
const buildSeconds = processorSeconds() - start;
const memoryBytes = memory() - before;
writeFileSync(join(directory, 'index.faiss'), writeFaiss(index.toParts()));
const { find, settings } = adjustable(index);
const found = measured(find, settings, asked, targets.split(',').map(Number));
process.stdout.write(
  JSON.stringify({ buildSeconds, builtShare: 1, memoryBytes, targets: found } satisfies Took),
);
