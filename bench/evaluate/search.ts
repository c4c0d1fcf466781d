import type { Known, Model, Options } from './model.ts';
import type { Printer } from './ranking-figures.ts';

/**
 * Prints the validation NDCG@10 of every member of a model's space, by protocol, then the best for each. `ndcgOf` fits
 * and judges on the validation part.
 */
export async function search<K extends Known, P extends string>(
  model: Model<K, P>,
  print: Printer,
  ndcgOf: (options: Options) => Promise<Readonly<Record<P, number>>>,
): Promise<void> {
  const candidates: { options: Options; ndcg: Readonly<Record<P, number>> }[] = [];
  const protocols = Object.keys(model.chosen) as P[];
  for (const options of model.space) {
    process.stderr.write(`${model.name}: fitting ${JSON.stringify(options)}\n`);
    const ndcg = await ndcgOf(options);
    candidates.push({ options, ndcg });
    for (const protocol of protocols) {
      print(`validation, ${protocol}, ${model.name} ${JSON.stringify(options)}`, 'ndcg@10', ndcg[protocol]);
    }
  }
  for (const protocol of protocols) {
    const best = candidates.reduce((a, b) => (b.ndcg[protocol] > a.ndcg[protocol] ? b : a));
    process.stderr.write(`${model.name}, ${protocol}: best is ${JSON.stringify(best.options)}\n`);
  }
}
