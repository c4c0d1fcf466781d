/** What topic `versions` says, step by step: the processor that writes it and all who read it know by this which version is in force. */
import type { Version, VersionRole } from '#schemas';

/** How far back rollbacks reach: this many promotions of a role. */
const PROMOTIONS_KEPT = 100;

/** A version as the registry knows it. */
export type RegisteredVersion = {
  readonly version: string;
  /** Where it is in its life. */
  readonly latest: Version;
  /** Its life, oldest first. */
  readonly steps: readonly Version[];
};

export type RegistryView = {
  /** In the order in which they were registered. */
  readonly versions: readonly RegisteredVersion[];
  /** The promotions of each role that a rollback can undo, oldest first; the last is in force. */
  readonly promotions: Readonly<Record<VersionRole, readonly string[]>>;
};

/** The promotions of a role after a step of one of its versions. */
export function promotionsAfter(
  before: readonly string[],
  { version, status }: Pick<Version, 'version' | 'status'>,
): readonly string[] {
  if (status === 'promoted') {
    // A return to the one before is told as a promotion, too.
    return before.at(-1) === version ? before : [...before, version].slice(-PROMOTIONS_KEPT);
  }
  if (status === 'rolled_back') return before.at(-1) === version ? before.slice(0, -1) : before;
  if (status !== 'archived') return before;
  const left = before.filter((each) => each !== version);
  return left.filter((each, place) => each !== left[place - 1]);
}

/** The registry after these steps, in the order of the topic. */
export function registryOf(steps: readonly Version[]): RegistryView {
  const lives = Map.groupBy(steps, ({ version }) => version);
  const promotions: Record<VersionRole, readonly string[]> = {
    retrieval: [],
    ranking: [],
    similar: [],
  };
  for (const step of steps) {
    const { role } = step.candidate;
    promotions[role] = promotionsAfter(promotions[role], step);
  }
  const versions = Array.from(lives, ([version, life]) => {
    return { version, latest: life.at(-1) as Version, steps: life };
  });
  return { versions, promotions };
}

/** The last step of the version that is in use in a role; undefined where none is. */
export function versionInForce(
  { versions, promotions }: RegistryView,
  role: VersionRole,
): Version | undefined {
  const inForce = promotions[role].at(-1);
  return versions.find(({ version }) => version === inForce)?.latest;
}

/** Whether the version is the one in use of its role. */
export function isInForce({ promotions }: RegistryView, { version, latest }: RegisteredVersion): boolean {
  return promotions[latest.candidate.role].at(-1) === version;
}
