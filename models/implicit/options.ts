import { ConfigurationError } from '#platform';

/** Refuses an option out of its range, with MR_MODEL_CONFIG. */
export function checkOption(model: string, name: string, value: number, range: OptionRange): void {
  if (isWithin[range](value)) return;
  throw new ConfigurationError('MR_MODEL_CONFIG', `${model}: ${name} is ${value}`, {
    hint: `It must be ${range}.`,
  });
}

const isWithin = {
  'a whole number': Number.isSafeInteger,
  'a whole number above 0': (value: number) => Number.isSafeInteger(value) && value > 0,
  'above 0': (value: number) => value > 0 && Number.isFinite(value),
  'not below 0': (value: number) => value >= 0 && Number.isFinite(value),
} as const;

export type OptionRange = keyof typeof isWithin;
