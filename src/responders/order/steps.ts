/** The steps of the last stage, in the order in which they run; those that the configuration leaves out cost nothing. */
import type { RecommendingOptions } from '../options.ts';
import { categoryCap } from './category-cap.ts';
import { diversity } from './diversity.ts';
import { exploration } from './exploration.ts';
import { freshness } from './freshness.ts';
import type { OrderStep } from './port.ts';
import { promotion } from './promotion.ts';

export function orderSteps(options: RecommendingOptions): readonly OrderStep[] {
  const { freshnessBoost, freshnessHalfLifeDays, perCategory, explore, promoted } = options;
  return [
    freshnessBoost > 0 && freshness({ boost: freshnessBoost, halfLifeDays: freshnessHalfLifeDays }),
    options.diversity > 0 && diversity(options.diversity),
    perCategory !== undefined && categoryCap(perCategory),
    // The draw is for a place that is shown: promotion would push it out of the answer.
    promoted.length > 0 && promotion(promoted),
    explore > 0 && exploration(explore),
  ].filter((step) => step !== false);
}
