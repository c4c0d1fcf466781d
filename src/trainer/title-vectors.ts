import { join } from 'node:path';
import { type Dataset, TitleEncoder } from '#models';
import { keepTitleVectors, keptTitleVectors } from './kept-title-vectors.ts';

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
