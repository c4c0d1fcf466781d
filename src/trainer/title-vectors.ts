import { TitleEncoder } from '#models';
import type { Dataset } from './dataset.ts';

/**
 * The dataset with its titles as the text encoder at `path` reads them, in the place of their n-grams. Errors: those of
 * TitleEncoder.
 */
export async function withTitleVectors(dataset: Dataset, path: string): Promise<Dataset> {
  const encoder = await TitleEncoder.open(path);
  try {
    const itemTexts = await encoder.encode(dataset.titles);
    const { itemTitles: _, ...data } = dataset.data;
    return { ...dataset, data: { ...data, itemTexts }, textEncoder: encoder.files };
  } finally {
    await encoder.close();
  }
}
