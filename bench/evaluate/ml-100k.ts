/**
 * Models on MovieLens 100K: of each user the last 20% of ratings by time are held out, and all items that the user has
 * not had are ranked. Beside each model's figures stand the paired intervals of its distance to the baselines. With
 * `--search [MODEL...]` it compares parameters instead, on the last 20% of what is left. `--whole-path` measures the
 * two-tower by the product's own path: import, processors, snapshot, training.
 */
import { createProgress, InputError, progressStyle } from '#platform';
import { movieLensDirectory, readMovieLens100K } from './ml-100k/data.ts';
import { evaluateModels } from './ml-100k/figures.ts';
import { judge } from './ml-100k/judge.ts';
import { models } from './ml-100k/models.ts';
import { printWholePath } from './ml-100k/whole-path.ts';
import { evaluationAt, printerOf } from './ranking-figures.ts';
import { search } from './search.ts';

export async function run(): Promise<void> {
  const directory = movieLensDirectory();
  if (directory === undefined) {
    throw new InputError('MR_IMPORT_UNRECOGNISED', 'MovieLens 100K is not on this machine.', {
      hint: 'Set MOVIELENS_100K to a directory with u.data, u.item and u.user.',
    });
  }
  if (process.argv.includes('--whole-path')) {
    return printWholePath({ directory, progress: createProgress({ style: progressStyle(false) }) });
  }
  const names = process.argv.slice(3).filter((argument) => argument !== '--search');
  const named = names.length === 0 ? models : models.filter(({ name }) => names.includes(name));
  const { test, validation } = await readMovieLens100K(directory);
  if (!process.argv.includes('--search')) return evaluateModels(named, test);
  for (const model of named) {
    await search(model, printerOf('ml-100k'), async (options) => {
      const judged = judge(await model.fit(validation.known, options), validation);
      return { full: evaluationAt(judged.all, 10).mean.ndcg };
    });
  }
}
