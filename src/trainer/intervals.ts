import { bootstrapMean, type Interval, pairedBootstrap, seededRandom } from '#models';
import type { Judgement } from './lesson.ts';

const RESAMPLES = 1000;
/** Seeds every draw made for a judgement: all models of a snapshot are judged on the same sample. */
export const JUDGING_SEED = 20_260_101;

/** By metric: its mean over users, 95%. */
export function intervalsOf(perUser: Judgement['perUser']): Record<string, Interval> {
  const random = seededRandom(JUDGING_SEED);
  return Object.fromEntries(
    Object.entries(perUser).map(([name, values]) => {
      return [name, bootstrapMean(values, { random, resamples: RESAMPLES })];
    }),
  );
}

/** By metric: how much higher `a` is than `b`, user by user, 95%. */
export function differences(a: Judgement, b: Judgement): Record<string, Interval> {
  const random = seededRandom(JUDGING_SEED);
  return Object.fromEntries(
    Object.entries(a.perUser).flatMap(([name, values]) => {
      const others = b.perUser[name];
      if (others === undefined) return [];
      return [[name, pairedBootstrap(values, others, { random, resamples: RESAMPLES })]];
    }),
  );
}
