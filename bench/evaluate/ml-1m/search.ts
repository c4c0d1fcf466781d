import { InteractionMatrix, type ScoredEvaluation } from '#models';
import { type Figure, printFigure } from '../../figure.ts';
import { type HeldOut, ITEMS, USERS } from './data.ts';
import { judge, type Protocol } from './judge.ts';
import type { Model, Options } from './models.ts';

const protocols = ['sampled', 'full'] as const;

type Candidate = { readonly options: Options; readonly ndcg: Readonly<Record<Protocol, number>> };

/** Prints the validation NDCG@10 of every member of the model's space, then the best for each protocol. */
export function search(model: Model, validation: HeldOut): void {
  const train = InteractionMatrix.fromPairs(validation.train, USERS, ITEMS);
  const candidates: Candidate[] = [];
  for (const options of model.space) {
    process.stderr.write(`${model.name}: fitting ${JSON.stringify(options)}\n`);
    const { sampled, full } = judge(model.fit(train, options), train, validation);
    const ndcg = { sampled: ndcgAt10(sampled), full: ndcgAt10(full) };
    candidates.push({ options, ndcg });
    for (const protocol of protocols) printFigure(figureOf(model, protocol, options, ndcg[protocol]));
  }
  for (const protocol of protocols) {
    const best = candidates.reduce((a, b) => (b.ndcg[protocol] > a.ndcg[protocol] ? b : a));
    process.stderr.write(`${model.name}, ${protocol}: best is ${JSON.stringify(best.options)}\n`);
  }
}

function ndcgAt10({ at }: ScoredEvaluation): number {
  return at.get(10)?.mean.ndcg ?? Number.NaN;
}

function figureOf(model: Model, protocol: Protocol, options: Options, value: number): Figure {
  const name = `validation, ${protocol}, ${model.name} ${JSON.stringify(options)}`;
  return { bench: 'ml-1m', case: name, metric: 'ndcg@10', value, unit: 'ratio' };
}
