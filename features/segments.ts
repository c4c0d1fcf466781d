import type { Profile } from '#schemas';

/** Ages at which cohorts begin. */
const COHORT_AGES = [0, 13, 18, 25, 35, 45, 55, 65] as const;

/** The segment of a country, as topic `segment-popularity` names it; undefined where the country is unknown. */
export function countrySegment(country: string | null | undefined): string | undefined {
  return country ? `country:${country}` : undefined;
}

/** The segment of users of about the same age and of the same gender; undefined where neither is known. */
export function cohortSegment(profile: Pick<Profile, 'age' | 'gender'> | null): string | undefined {
  if (profile === null || (profile.age === null && profile.gender === 'unknown')) return undefined;
  const { age, gender } = profile;
  const from = age === null ? 'any' : COHORT_AGES.findLast((each) => each <= Math.max(0, age));
  return `cohort:${from}:${gender}`;
}
