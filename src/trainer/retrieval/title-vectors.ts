/**
 * Titles as a text encoder reads them. Vectors that were computed before are kept: a file for each encoder, named by the
 * hashes of its own files, holds those of the newest training's titles, as a checkpoint.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dataset, decodeCheckpoint, encodeCheckpoint, type ManifestFile, TitleEncoder } from '#models';

/** To be raised with any change of what TitleEncoder makes of a title. */
const FORMAT = 1;
/** Files that stay, the newest: of a search that compares encoders, or of one that is tried beside that in use. */
const MOST_ENCODERS = 3;

type Kept = { readonly titles: readonly string[]; readonly sha256: string };

/**
 * The dataset with its titles as the text encoder at `path` reads them, in the place of their n-grams: zeros for one that is
 * empty. What earlier trainings have encoded is taken from the data directory. Errors: those of TitleEncoder.
 */
export async function withTitleVectors(
  dataset: Dataset,
  { path, dataDirectory }: { readonly path: string; readonly dataDirectory: string },
): Promise<Dataset> {
  const encoder = await TitleEncoder.open(path);
  try {
    const directory = join(dataDirectory, 'title-vectors');
    const kept = await keptTitleVectors(directory, encoder.files);
    const titles = new Set(dataset.titles.filter((title) => title.trim() !== ''));
    const vectors = new Map<string, Float32Array>();
    for (const title of titles) vectors.set(title, kept.get(title) ?? (await encoder.encode(title)));
    if (!titles.isSubsetOf(kept)) await keepTitleVectors(directory, encoder.files, vectors);

    // Without any title, the width is that of another text.
    const { length: width } = vectors.values().next().value ?? (await encoder.encode('-'));
    const values = new Float32Array(dataset.titles.length * width);
    dataset.titles.forEach((title, row) => {
      values.set(vectors.get(title) ?? [], row * width);
    });
    const { itemTitles: _, ...data } = dataset.data;
    return { ...dataset, data: { ...data, itemTexts: { width, values } }, textEncoder: encoder.files };
  } finally {
    await encoder.close();
  }
}

/** Empty where there is no file, or a damaged one. */
export async function keptTitleVectors(
  directory: string,
  encoder: readonly ManifestFile[],
): Promise<ReadonlyMap<string, Float32Array>> {
  try {
    const { arrays, values } = decodeCheckpoint(await readFile(join(directory, nameOf(encoder))));
    const { titles, sha256 } = values as Kept;
    const vectors = arrays.get('vectors') as Float32Array;
    if (hashOf(titles, vectors) !== sha256) return new Map();
    const width = vectors.length / titles.length;
    return new Map(titles.map((title, row) => [title, vectors.subarray(row * width, (row + 1) * width)]));
  } catch {
    // Whatever is the matter with it, what it held can be computed again.
    return new Map();
  }
}

/** In the place of what was kept for the encoder. */
export async function keepTitleVectors(
  directory: string,
  encoder: readonly ManifestFile[],
  kept: ReadonlyMap<string, Float32Array>,
): Promise<void> {
  const titles = [...kept.keys()];
  const width = kept.values().next().value?.length ?? 0;
  const vectors = new Float32Array(titles.length * width);
  titles.forEach((title, row) => {
    vectors.set(kept.get(title) ?? [], row * width);
  });
  const values = { titles, sha256: hashOf(titles, vectors) } satisfies Kept;
  const name = nameOf(encoder);
  await mkdir(directory, { recursive: true });
  const aside = join(directory, `.partial-${name}`);
  await writeFile(aside, encodeCheckpoint({ arrays: new Map([['vectors', vectors]]), values }));
  await rename(aside, join(directory, name));
  await removeOldest(directory);
}

function nameOf(encoder: readonly ManifestFile[]): string {
  const hash = createHash('sha256').update(String(FORMAT));
  for (const { sha256 } of encoder) hash.update(sha256);
  return hash.digest('hex').slice(0, 16);
}

function hashOf(titles: readonly string[], vectors: Float32Array): string {
  return createHash('sha256').update(JSON.stringify(titles)).update(vectors).digest('hex');
}

async function removeOldest(directory: string): Promise<void> {
  const paths = (await readdir(directory)).map((name) => join(directory, name));
  const files = await Promise.all(
    paths.map(async (path) => ({ path, writtenMs: (await stat(path)).mtimeMs })),
  );
  const oldest = files.toSorted((a, b) => b.writtenMs - a.writtenMs).slice(MOST_ENCODERS);
  for (const { path } of oldest) await rm(path, { force: true });
}
