/**
 * Models of implicit feedback on MovieLens 1M, on the held-out items of "Neural Collaborative Filtering": by that paper's
 * protocol, one item among 99 that the user never had, and among all items. With `--keep PATH` scores are kept in that
 * directory, and a run that was cut off goes on. With `--search [MODEL...]` it compares parameters instead, on the item
 * before the held-out one.
 */
import { parseArgs } from 'node:util';
import { InteractionMatrix } from '#models';
import { InputError } from '#platform';
import { type HeldOut, ITEMS, movieLens1MDirectory, readMovieLens1M, USERS } from './ml-1m/data.ts';
import { evaluateModel, printDifference } from './ml-1m/figures.ts';
import { Fits } from './ml-1m/fits.ts';
import { type Judged, judge } from './ml-1m/judge.ts';
import { type Model, modelsOf } from './ml-1m/models.ts';
import { evaluationAt, printerOf } from './ranking-figures.ts';
import { search } from './search.ts';

export async function run(): Promise<void> {
  const directory = movieLens1MDirectory();
  if (directory === undefined) {
    throw new InputError('MR_IMPORT_UNRECOGNISED', 'MovieLens 1M is not on this machine.', {
      hint: 'Set MOVIELENS_1M to a directory with the files ncf-ml-1m.* and interactions.ordered.tsv.gz.',
    });
  }
  const { values, positionals } = parseArgs({
    args: process.argv.slice(3),
    allowPositionals: true,
    options: { keep: { type: 'string' }, search: { type: 'boolean', default: false } },
  });
  const fits = new Fits(values.keep);
  const models = modelsOf(fits);
  const named = positionals.length === 0 ? models : models.filter(({ name }) => positionals.includes(name));
  const { test, validation } = await readMovieLens1M(directory);
  const judged = new Map<string, Judged>();
  for (const model of named) {
    if (values.search) await searchOn(validation, model);
    else judged.set(model.name, await evaluateModel(model, fits, test));
  }
  const stacked = judged.get('stacked');
  judged.delete('stacked');
  if (stacked === undefined) return;
  for (const [name, other] of judged) printDifference(`stacked over ${name}`, stacked, other);
}

async function searchOn(validation: HeldOut, model: Model): Promise<void> {
  const matrix = InteractionMatrix.fromPairs(validation.train, USERS, ITEMS);
  const known = { matrix, histories: validation.histories };
  await search(model, printerOf('ml-1m'), async (options) => {
    const { sampled, full } = judge(await model.fit(known, options), matrix, validation);
    return { sampled: evaluationAt(sampled, 10).mean.ndcg, full: evaluationAt(full, 10).mean.ndcg };
  });
}
