/**
 * The seed of everything that a test draws: the same in every run, unless MILLRACE_SEED is set, as `npm run test:long`
 * does for its group `seeds`.
 */
export const testSeed: number = Number(process.env.MILLRACE_SEED ?? 2026);
