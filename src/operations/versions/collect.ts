import { join } from 'node:path';
import { currentRecords, type Topic } from '#engine';
import type { Log } from '#engine/log';
import { localArtifacts, versionsDirectory } from '#models';
import { type Clock, failpoint } from '#platform';
import type { Run } from '#schemas';
import type { Topics } from '#topologies';
import { type AskingOptions, askRegistry } from './ask-registry.ts';
import { type RegisteredVersion, type RegistryView, readRegistry } from './registry.ts';

/** What `collect` keeps beside the versions in force, those that a rollback returns to, and those that a run begins with. */
export type CollectRule = {
  /** The newest of each role and step, by when they were registered: so that what is rejected takes no place of what served. */
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

export type CollectSource = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'versions' | 'runs'>;
  readonly dataDirectory: string;
  readonly clock: Clock;
};

/**
 * Which versions the rule gives up: to be archived, with their files, or archived and with files still there. `needed` are
 * those that stay whatever it says.
 */
export function givenUp(
  { versions, promotions }: RegistryView,
  { keep, keepDays }: CollectRule,
  { now, needed }: { readonly now: number; readonly needed: readonly string[] },
): readonly RegisteredVersion[] {
  const living = versions.filter(({ latest }) => latest.status !== 'archived');
  const alike = Map.groupBy(living, ({ latest }) => `${latest.candidate.role} ${latest.status}`);
  const newest = [...alike.values()].flatMap((group) => group.slice(-keep)).map(({ version }) => version);
  const kept = new Set([...Object.values(promotions).flatMap((of) => of.slice(-2)), ...newest, ...needed]);
  return versions.filter(({ version, latest, steps }) => {
    if (latest.status === 'archived') return true;
    return !kept.has(version) && now - (steps[0]?.ts ?? now) > keepDays * DAY_MS;
  });
}

/** What there is to collect in a data directory; nothing is changed. */
export async function collectable(
  rule: CollectRule,
  { log, topics, dataDirectory, clock }: CollectSource,
): Promise<readonly Collectable[]> {
  const artifacts = localArtifacts(join(dataDirectory, versionsDirectory));
  // What a run begins with is known before what is promoted: a run that begins meanwhile does so with the version in force.
  const needed = await basesOfRuns(log, topics.runs);
  const stored = new Set(await artifacts.list());
  const found = givenUp(await readRegistry(log, topics.versions), rule, { now: clock.now(), needed });
  return Promise.all(
    found
      .map((version) => ({ version, isArchived: version.latest.status === 'archived' }))
      .filter(({ version, isArchived }) => !isArchived || stored.has(version.version))
      .map(async (each) => ({ ...each, bytes: await artifacts.size(each.version.version) })),
  );
}

/** The versions that runs which are not over go on from. */
async function basesOfRuns(log: Log, runs: Topic<string, Run>): Promise<readonly string[]> {
  const known = [...(await currentRecords(log, runs, 'by-newest')).values()].map(({ value }) => value);
  const open = known.filter(({ status }) => status === 'waiting' || status === 'running');
  return open.flatMap(({ base }) => base ?? []);
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
  }: AskingOptions & { readonly actor: string | null; readonly dataDirectory: string },
): Promise<void> {
  if (!isArchived) {
    const request = { kind: 'archive', candidate: latest.candidate, version, actor } as const;
    await askRegistry(asking, { ...request, reason: 'collected', only_unused: true });
    failpoint('versions.collect.archived');
  }
  await localArtifacts(join(dataDirectory, versionsDirectory)).remove(version);
}
