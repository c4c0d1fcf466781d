import { pairedBootstrap, seededRandom } from '#models';
import type { Oracle, World } from '#simulator';
import { printerOf, printInterval, printMean } from '../ranking-figures.ts';
import { bestShown, clickChanceOf, ndcgOf, type Shown } from './value.ts';

const BASELINE = 'decayed popularity';

const print = printerOf('world');

export type Policies = {
  /** By name, as is `served`. */
  readonly classic: ReadonlyMap<string, Shown>;
  /** Retrieval alone, then with the ranker. */
  readonly served: ReadonlyMap<string, Shown>;
};

/**
 * Prints of each policy its mean chance of a click, its share of the way from decayed popularity to the oracle, the length of
 * which is taken as given, and NDCG@10; then by how much what is served with a ranker is above what retrieval serves alone.
 * Intervals are of the 95% bootstrap over users.
 */
export function printWorld(world: World, oracle: Oracle, { classic, served }: Policies): void {
  const ofWorld = (name: string) => `world ${world.seed}, ${name}`;
  const best = bestShown(world.userCount, oracle);
  const judged = new Map(
    [...classic, ...served, ['oracle', best] as const].map(([name, shown]) => [
      name,
      { chance: clickChanceOf(shown, oracle), ndcg: ndcgOf(shown, best, oracle) },
    ]),
  );
  const chanceOf = (name: string) => judged.get(name)?.chance as Float64Array;
  const baseline = chanceOf(BASELINE);
  const gap = mean(chanceOf('oracle')) - mean(baseline);
  for (const [name, { chance, ndcg }] of judged) {
    print(ofWorld(name), 'click-chance@10', mean(chance));
    if (name === 'oracle') continue;
    printMean(print, ofWorld(name), 'ndcg@10', ndcg);
    if (name === BASELINE) continue;
    const shares = chance.map((own, user) => (own - (baseline[user] as number)) / gap);
    printMean(print, ofWorld(name), 'share-of-gap', shares);
  }
  const [alone, ranked] = [...served.keys()].map((name) => judged.get(name)?.ndcg) as [
    Float64Array,
    Float64Array,
  ];
  const gain = pairedBootstrap(ranked, alone, { random: seededRandom(1) });
  printInterval(print, ofWorld('with the ranker less without'), 'ndcg@10', gain, 0);
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
