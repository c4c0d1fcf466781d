import { bootstrapMean, seededRandom } from '#models';
import type { Oracle, World } from '#simulator';
import { printFigure } from '../../figure.ts';
import { bestShown, clickChanceOf, type Shown } from './value.ts';

const BASELINE = 'decayed popularity';

/**
 * Prints of each policy its mean chance of a click, and its share of the way from decayed popularity to the oracle with
 * the 95% bootstrap interval over users; the length of that way is taken as given.
 */
export function printShares(world: World, oracle: Oracle, policies: ReadonlyMap<string, Shown>): void {
  const best = clickChanceOf(bestShown(world.userCount, oracle), oracle);
  const values = new Map(Array.from(policies, ([name, shown]) => [name, clickChanceOf(shown, oracle)]));
  const baseline = values.get(BASELINE) as Float64Array;
  const gap = mean(best) - mean(baseline);
  const ofWorld = (name: string) => ({ bench: 'world', case: `world ${world.seed}, ${name}`, unit: 'ratio' });
  for (const [name, value] of [...values, ['oracle', best] as const]) {
    printFigure({ ...ofWorld(name), metric: 'click-chance@10', value: mean(value) });
    if (value === baseline || value === best) continue;
    const shares = value.map((chance, user) => (chance - (baseline[user] as number)) / gap);
    const interval = bootstrapMean(shares, { random: seededRandom(1) });
    printFigure({ ...ofWorld(name), metric: 'share-of-gap', value: interval.mean });
    printFigure({ ...ofWorld(`${name}, 95% bootstrap low`), metric: 'share-of-gap', value: interval.low });
    printFigure({ ...ofWorld(`${name}, 95% bootstrap high`), metric: 'share-of-gap', value: interval.high });
  }
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
