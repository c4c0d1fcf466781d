import { currentRecords } from '#engine';
import type { Log } from '#log';
import { artifactsIn, VERSIONS_DIRECTORY } from '#models';
import { readRegistry } from '#offline';
import { type Clock, errorCode, failpoint, type Metrics } from '#platform';
import type { RegisteredVersion, RegistryView } from '#processors';
import type { Run, Version } from '#schemas';
import type { DataFiles } from '#storage';
import type { Topics } from '#topologies';
import { type AskingOptions, askRegistry } from './ask-registry.ts';

/** What `collect` keeps beside the versions in force, those that a rollback returns to, and those that a run begins with. */
export type CollectRule = {
  /** The newest of each role and step, by when they were registered: so that what is rejected takes no place of what served. */
  readonly keep: number;
  /** Younger than this. */
  readonly keepDays: number;
};

export type Collectable = {
  readonly version: string;
  /** Null for one that no event names: what is left of a run that was cancelled, or of a publishing that was given up. */
  readonly latest: Version | null;
  /** When it became so, ms since the epoch. */
  readonly since: number;
  /** What its files take. */
  readonly bytes: number;
};

const DAY_MS = 86_400_000;

/** Between the writing of a version and the event that names it its run judges the version in force, or is started over. */
const UNNAMED_MS = DAY_MS;

export type CollectSource = DataFiles & {
  readonly log: Log;
  readonly topics: Pick<Topics, 'versions' | 'runs'>;
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

/** What there is to collect in a data directory, or in the store that it has copies of; nothing is changed. */
export async function collectable(
  rule: CollectRule,
  { log, topics, clock, ...data }: CollectSource,
): Promise<readonly Collectable[]> {
  const artifacts = artifactsIn(data, VERSIONS_DIRECTORY);
  // What a run begins with is known before what is promoted: a run that begins meanwhile does so with the version in force.
  const runs = [...(await currentRecords(log, topics.runs, 'by-newest')).values()].map(({ value }) => value);
  const stored = await artifacts.list();
  const registry = await readRegistry({ log, topics });
  const now = clock.now();
  const found: Collectable[] = [];
  for (const { version, latest } of givenUp(registry, rule, { now, needed: basesOf(runs) })) {
    if (latest.status === 'archived' && !stored.includes(version)) continue;
    const { bytes } = await artifacts.stat(version);
    found.push({ version, latest, since: latest.ts, bytes });
  }
  for (const version of unnamed(stored, registry, runs)) {
    const { bytes, writtenMs } = await artifacts.stat(version);
    if (now - writtenMs > UNNAMED_MS) found.push({ version, latest: null, since: writtenMs, bytes });
  }
  return found;
}

/** The versions that runs which are not over go on from. */
function basesOf(runs: readonly Run[]): readonly string[] {
  return runs.filter(({ status }) => isOpen(status)).flatMap(({ base }) => base ?? []);
}

/** Versions that neither the registry knows nor a run that may publish them still, or has: the registry then hears of it. */
function unnamed(
  stored: readonly string[],
  { versions }: RegistryView,
  runs: readonly Run[],
): readonly string[] {
  // A log without any is not the one that these were trained from.
  if (versions.length === 0) return [];
  const published = runs.filter(({ status }) => isOpen(status) || status === 'succeeded');
  const named = new Set([...versions, ...published].map(({ version }) => version));
  return stored.filter((version) => !named.has(version));
}

const isOpen = (status: Run['status']) => status === 'waiting' || status === 'running';

/**
 * Archives a version where it is not, then removes its files. Errors: those of askRegistry; InputError MR_VERSION_IN_FORCE
 * where it has come into use since it was looked at.
 */
export async function collect(
  { version, latest }: Collectable,
  { actor, dataDirectory, files, ...asking }: AskingOptions & DataFiles & { readonly actor: string | null },
): Promise<void> {
  if (latest !== null && latest.status !== 'archived') {
    const request = { kind: 'archive', candidate: latest.candidate, version, actor } as const;
    await askRegistry(asking, { ...request, reason: 'collected', only_unused: true });
    failpoint('versions.collect.archived');
  }
  await artifactsIn({ dataDirectory, files }, VERSIONS_DIRECTORY).remove(version);
}

export type CollectingOptions = CollectSource &
  AskingOptions & {
    readonly rule: CollectRule;
    readonly metrics: Metrics;
    /** Ends it between two versions. */
    readonly signal: AbortSignal;
  };

/**
 * Applies the rule once; returns of how many versions the files were removed. A pass that was cut off has left versions
 * archived whose files the next one removes. Errors: those of collect.
 */
export async function collectOld(options: CollectingOptions): Promise<number> {
  const { metrics, signal, rule } = options;
  const collected = metrics.counter('versions_collected_total', 'Versions of which the files were removed.');
  let count = 0;
  for (const each of await collectable(rule, options)) {
    signal.throwIfAborted();
    try {
      await collect(each, { ...options, actor: null });
      collected.inc();
      count++;
    } catch (error) {
      // What has come into use since it was looked at is no failure.
      if (errorCode(error) !== 'MR_VERSION_IN_FORCE') throw error;
    }
  }
  return count;
}
