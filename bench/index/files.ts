/** Files of an index: writing, reading whole and in parts, and the exchange with FAISS. Medians of some rounds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IndexFile, type IndexParts, openIndex, readFaiss, readIndex, saveIndex, writeFaiss } from '#models';
import { replaceDurably } from '#platform';
import { percentile } from '../figure.ts';

const ROUNDS = 5;

/** Seconds by what was done. */
export async function fileTimes(parts: IndexParts): Promise<Readonly<Record<string, number>>> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-index-'));
  try {
    const path = join(directory, 'index');
    const bytes = saveIndex(parts);
    const faiss = writeFaiss(parts);
    return {
      'writing a file': await median(() => replaceDurably(path, saveIndex(parts))),
      'reading it': await median(async () => readIndex(await readFile(path))),
      'reading its calibration alone': await median(async () => {
        const file = await IndexFile.open(path);
        await file.calibration();
        await file.close();
      }),
      'bytes to an index': await median(async () => openIndex(bytes)),
      'writing as FAISS': await median(async () => writeFaiss(parts)),
      'reading as FAISS': await median(async () => readFaiss(faiss)),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function median(work: () => Promise<unknown>): Promise<number> {
  const taken: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work();
    taken.push((performance.now() - start) / 1000);
  }
  return percentile(taken, 0.5);
}
