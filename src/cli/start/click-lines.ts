import { type ItemCounts, itemCounts, type QualityReport } from '#versions';
import { grouped } from '../output.ts';

/** Shown by a version before its click rate says anything. */
const FEWEST_SHOWN = 100;
/** The same for what it is compared with. */
const FEWEST_POPULAR = 30;

/** The lines that are due; `told` is how many items had been shown at the last one, by what they say them of. */
export function clickLines({ answers }: QualityReport, told: Map<string, number>): readonly string[] {
  const popular = itemCounts(answers.flatMap(({ sources }) => sources.filter(isPopular)));
  return answers.flatMap(({ version, ranker, variant, sources }) => {
    const found = itemCounts(sources.filter((each) => !isPopular(each)));
    const by = namesOf({ version, ranker, variant });
    if (version === null || found.shown < Math.max(FEWEST_SHOWN, 2 * (told.get(by) ?? 0))) return [];
    told.set(by, found.shown);
    const beside = popular.shown < FEWEST_POPULAR ? '' : ` (popular items ${percent(popular)})`;
    return [
      `${'Clicks'.padEnd(10)}${percent(found)} of ${grouped(found.shown)} items shown by ${by}${beside}`,
    ];
  });
}

/** Popular with everyone, or in a country or a cohort: found without a model. */
function isPopular({ source }: { readonly source: string }): boolean {
  return source.startsWith('popular');
}

function namesOf(by: {
  readonly version: string | null;
  readonly ranker: string | null;
  readonly variant: string | null;
}): string {
  const ranker = by.ranker === null ? '' : ` with ranker ${by.ranker}`;
  const variant = by.variant === null ? '' : `, variant ${by.variant}`;
  return `version ${by.version}${ranker}${variant}`;
}

function percent({ click_rate }: ItemCounts): string {
  return click_rate === null ? '-' : `${(100 * click_rate).toFixed(1)}%`;
}
