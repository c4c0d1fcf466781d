/** The learning rate of each step as a factor of the one that is configured. */
export type Schedule = {
  /** What it does once it is warm: stays, or falls to zero at the last step along a line or half a cosine wave. */
  readonly decay: 'constant' | 'linear' | 'cosine';
  /** Steps over which the factor first rises from near 0 to 1. */
  readonly warmUpSteps: number;
};

/** At `step`, from 0, of `steps` in all (Goyal et al. 2017 for the rise, Loshchilov and Hutter 2017 for the cosine). */
export function scheduleFactor({ decay, warmUpSteps }: Schedule, step: number, steps: number): number {
  if (step < warmUpSteps) return (step + 1) / (warmUpSteps + 1);
  if (decay === 'constant') return 1;
  const done = (step - warmUpSteps) / Math.max(1, steps - warmUpSteps);
  return decay === 'linear' ? 1 - done : (1 + Math.cos(Math.PI * done)) / 2;
}
