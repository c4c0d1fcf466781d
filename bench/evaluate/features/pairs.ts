/** Random rows as of random moments, by the views and by the reference. */
import type { AnyView } from '#features';
import { featureViews, splitCrossKey } from '#features';
import type { Random } from '#models';
import type { AnalyticDatabase } from '#offline';
import type { Interaction } from '#schemas';
import { differences, referenceQueries } from './reference.ts';

export type PairsOptions = {
  /** Has the table `raw` of the reference, made without our code. */
  readonly database: AnalyticDatabase;
  /** What the product has accepted of the same events. */
  readonly accepted: readonly Interaction[];
  /** Of each view. */
  readonly pairs: number;
  readonly random: Random;
};

export type PairsResult = {
  readonly view: string;
  readonly pairs: number;
  readonly different: readonly string[];
};

const LATER_MS = 40 * 86_400_000;

/** Compares `pairs` rows of each view; every fourth moment is that of an event, which must not be in its own row. */
export async function comparePairs({
  database,
  accepted,
  pairs,
  random,
}: PairsOptions): Promise<PairsResult[]> {
  const results: PairsResult[] = [];
  for (const view of featureViews) {
    const byKey = Map.groupBy(accepted.filter(view.filter), view.key);
    const keys = [...byKey.keys()];
    const different: string[] = [];
    for (let n = 0; n < pairs; n++) {
      const key = keys[random.integer(keys.length)] ?? '';
      const events = byKey.get(key) ?? [];
      const t = moment(events, n, random);
      const [key0 = '', other = ''] = view.entity.includes('-') ? splitCrossKey(key) : [key];
      const parameters = { key: key0, t, ...(view.entity.includes('-') && { other }) };
      const [reference] = await database.rows(referenceQueries[view.entity], parameters);
      const names = differences(rowAsOf(view, events, t), reference ?? {});
      if (names.length > 0) different.push(`${JSON.stringify(key)} as of ${t}: ${names.join(', ')}`);
    }
    results.push({ view: view.name, pairs, different });
  }
  return results;
}

function rowAsOf(
  view: AnyView,
  events: readonly Interaction[],
  t: number,
): Readonly<Record<string, unknown>> {
  const state = events.filter(({ ts }) => ts < t).reduce(view.add, view.empty());
  return view.finish(state, t) as Readonly<Record<string, unknown>>;
}

function moment(events: readonly Interaction[], n: number, random: Random): number {
  const { ts } = events[random.integer(events.length)] as Interaction;
  if (n % 4 === 0) return ts;
  if (n % 4 === 1) return ts + 1;
  return ts + random.integer(n % 4 === 2 ? 3_600_000 : LATER_MS);
}
