import { createHash } from 'node:crypto';

/**
 * The seed of everything that a test draws: the same in every run, unless MILLRACE_SEED is set, as `npm run test:long`
 * does for its group `seeds`.
 */
export const testSeed: number = Number(process.env.MILLRACE_SEED ?? 2026);

/** Incompressible bytes: the same for the same seed and label. */
export function seededBytes(length: number, label = ''): Buffer {
  const hash = createHash('shake256', { outputLength: length });
  return hash.update(`${testSeed} ${label}`).digest();
}
