import { join } from 'node:path';
import { localArtifacts, versionsDirectory } from '#models';
import { type AskingOptions, askRegistry } from './ask-registry.ts';
import type { RegisteredVersion, RegistryView } from './registry.ts';

/** What `collect` keeps beside the versions in force, those that a rollback returns to, and those that wait. */
export type CollectRule = {
  /** The newest, by when they were registered. */
  readonly keep: number;
  /** Younger than this. */
  readonly keepDays: number;
};

export type Collectable = {
  readonly version: RegisteredVersion;
  /** Archived before: only its files are left. */
  readonly isArchived: boolean;
  /** What its files take. */
  readonly bytes: number;
};

const DAY_MS = 86_400_000;

/** Which versions the rule gives up: to be archived, with their files, or archived and with files still there. */
export function givenUp(
  { versions, promotions }: RegistryView,
  { keep, keepDays }: CollectRule,
  now: number,
): readonly RegisteredVersion[] {
  const inUse = new Set(Object.values(promotions).flatMap((of) => of.slice(-2)));
  const living = versions.filter(({ latest }) => latest.status !== 'archived');
  const newest = new Set(living.slice(-keep).map(({ version }) => version));
  return versions.filter(({ version, latest, steps }) => {
    if (latest.status === 'archived') return true;
    if (latest.status === 'staged' || inUse.has(version) || newest.has(version)) return false;
    return now - (steps[0]?.ts ?? now) > keepDays * DAY_MS;
  });
}

/** What there is to collect in a data directory; nothing is changed. */
export async function collectable(
  registry: RegistryView,
  rule: CollectRule,
  { now, dataDirectory }: { readonly now: number; readonly dataDirectory: string },
): Promise<readonly Collectable[]> {
  const artifacts = localArtifacts(join(dataDirectory, versionsDirectory));
  const found = await Promise.all(
    givenUp(registry, rule, now).map(async (version) => {
      const isArchived = version.latest.status === 'archived';
      return { version, isArchived, bytes: await artifacts.size(version.version) };
    }),
  );
  return found.filter(({ isArchived, bytes }) => !isArchived || bytes > 0);
}

/**
 * Archives a version where it is not, then removes its files. Errors: those of askRegistry; InputError MR_VERSION_IN_FORCE
 * where it has come into use since it was looked at.
 */
export async function collect(
  { version: { version, latest }, isArchived }: Collectable,
  {
    actor,
    dataDirectory,
    ...asking
  }: AskingOptions & { readonly actor: string; readonly dataDirectory: string },
): Promise<void> {
  if (!isArchived) {
    const request = { kind: 'archive', candidate: latest.candidate, version, actor } as const;
    await askRegistry(asking, { ...request, reason: 'collected', only_unused: true });
  }
  await localArtifacts(join(dataDirectory, versionsDirectory)).remove(version);
}
