import { type Topic, TopicReader } from '#engine';
import type { Log } from '#log';
import { InputError } from '#platform';
import type { Version, VersionRole } from '#schemas';

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

/** What topic `versions` holds up to now. */
export async function readRegistry(log: Log, versions: Topic<string, Version>): Promise<RegistryView> {
  const reader = await TopicReader.open(log, versions, { from: 'start' });
  const steps: Version[] = [];
  try {
    for await (const records of reader.untilEnd()) {
      for (const { value } of records) if (value !== null) steps.push(value);
    }
  } finally {
    await reader.close();
  }
  return registryOf(steps);
}

/** The registry after these steps, in the order of the topic. */
export function registryOf(steps: readonly Version[]): RegistryView {
  const lives = Map.groupBy(steps, ({ version }) => version);
  const promotions: Record<VersionRole, string[]> = { retrieval: [], ranking: [] };
  for (const { version, status, candidate } of steps) {
    const { [candidate.role]: before } = promotions;
    // A return to the one before is told as a promotion, too.
    if (status === 'promoted' && before.at(-1) !== version) before.push(version);
    else if (status === 'rolled_back') before.pop();
    else if (status === 'archived') {
      const left = before.filter((each) => each !== version);
      promotions[candidate.role] = left.filter((each, place) => each !== left[place - 1]);
    }
  }
  const versions = Array.from(lives, ([version, life]) => {
    return { version, latest: life.at(-1) as Version, steps: life };
  });
  return { versions, promotions };
}

/** Whether the version is the one in use of its role. */
export function isInForce({ promotions }: RegistryView, { version, latest }: RegisteredVersion): boolean {
  return promotions[latest.candidate.role].at(-1) === version;
}

const SHORTEST_PREFIX = 4;

/** The version that a name, or the beginning of one, stands for. InputError MR_VERSION_UNKNOWN for none, and for several. */
export function versionNamed({ versions }: RegistryView, name: string): RegisteredVersion {
  const fitting = versions.filter(({ version }) =>
    name.length < SHORTEST_PREFIX ? version === name : version.startsWith(name),
  );
  const exact = fitting.find(({ version }) => version === name) ?? fitting[0];
  if (exact !== undefined && (exact.version === name || fitting.length === 1)) return exact;
  const several = fitting.map(({ version }) => version).join(', ');
  throw new InputError(
    'MR_VERSION_UNKNOWN',
    exact === undefined ? `There is no version ${name}.` : `${name} may be ${several}.`,
    {
      hint: `Give a version that "millrace versions" lists, or at least ${SHORTEST_PREFIX} characters of it.`,
    },
  );
}
