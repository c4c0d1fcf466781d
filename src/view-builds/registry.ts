import { currentRecords, writeRecords } from '#engine';
import { type AnyView, versionedName } from '#features';
import { idleMember, type Log } from '#log';
import { type Clock, FatalError } from '#platform';
import type { FeatureViewStatus, FeatureViewVersion } from '#schemas';
import type { Topics } from '#topologies';

export type RegistryEnvironment = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'feature-views'>;
  readonly clock: Clock;
};

/** The newest state of every version of every view, by `versionedName`. */
export async function readViewVersions({
  log,
  topics,
}: Pick<RegistryEnvironment, 'log' | 'topics'>): Promise<ReadonlyMap<string, FeatureViewVersion>> {
  const current = await currentRecords(log, topics['feature-views'], 'by-first');
  return new Map(current.values().map(({ key, value }) => [key, value]));
}

/**
 * Writes down that the views of the loop are live. A version that takes the place of an older one of its name retires
 * it; one that a module's has retired stays so. Errors: those of `declareVersion`.
 */
export async function declareViews(
  environment: RegistryEnvironment,
  views: readonly AnyView[],
): Promise<void> {
  const known = await readViewVersions(environment);
  for (const view of views) {
    if (declaredStatus(view, known) === 'building') await takeOver(environment, view);
  }
}

/**
 * Writes down that a version is being built, unless it was before; says whether it still is. Errors: FatalError
 * MR_FEATURES_DECLARATION.
 */
export async function declareVersion(environment: RegistryEnvironment, view: AnyView): Promise<boolean> {
  const known = await readViewVersions(environment);
  const status = declaredStatus(view, known);
  const before = known.get(versionedName(view))?.status;
  if (before === 'dropped') await beginAnew(environment, view);
  if (before !== status) await writeStatus(environment, view, status);
  return status === 'building';
}

/** The group's places outlive the topics of a view that was dropped: going on from there would leave its rows empty. */
async function beginAnew({ log }: RegistryEnvironment, view: AnyView): Promise<void> {
  const described = await log.describeTopics(['interactions-accepted', 'privacy-decisions']);
  const starts = described.flatMap(({ name, offsets }) =>
    offsets.map(({ start }, partition) => ({ topic: name, partition, offset: start })),
  );
  await log.commitOffsets(idleMember(viewGroup(view)), starts);
}

/** Under which the processors of a module's view commit what they have read. */
export function viewGroup(view: Pick<AnyView, 'name' | 'version'>): string {
  return `view-${versionedName(view)}`;
}

/**
 * What a version is now that it is declared: one that nobody has replaced is built and then goes live, as does a retired
 * one whose successor was dropped. A version that was written down before must have kept its declaration: rows that were
 * made under another one would be read for what they are not.
 */
function declaredStatus(
  view: AnyView,
  known: ReadonlyMap<string, FeatureViewVersion>,
): Exclude<FeatureViewStatus, 'dropped'> {
  const written = known.get(versionedName(view));
  if (written !== undefined && written.declaration !== view.declaration) throw declaredOtherwise(view);
  if (written?.status === 'live') return 'live';
  const isReplaced = [...known.values()].some(({ name, status }) => name === view.name && status === 'live');
  return written?.status === 'retired' && isReplaced ? 'retired' : 'building';
}

/** A version that is built goes live, and all but the newest live one of its name are retired: several may be built at once. */
export async function takeOver(environment: RegistryEnvironment, view: AnyView): Promise<void> {
  await writeStatus(environment, view, 'live');
  const known = (await readViewVersions(environment)).values();
  const live = [...known].filter(({ name, status }) => name === view.name && status === 'live');
  const newest = Math.max(...live.map(({ version }) => version));
  for (const each of live) {
    if (each.version < newest) await writeVersion(environment, { ...each, status: 'retired' });
  }
}

/** Deletes the topics of a version and writes that down; its local state is the caller's to remove. */
export async function dropVersion(
  environment: RegistryEnvironment,
  version: FeatureViewVersion,
): Promise<void> {
  const { log } = environment;
  const name = versionedName(version);
  const names = (await log.describeTopics()).map((topic) => topic.name);
  const own = names.filter(
    (topic) => topic === name || topic === `${name}-rows` || topic.startsWith(`view-${name}-`),
  );
  await log.deleteTopics(own);
  await writeVersion(environment, { ...version, status: 'dropped' });
}

/** The share of the accepted events that a view of a module has taken, 0 to 1. */
export async function buildProgress(log: Log, view: AnyView): Promise<number> {
  const [{ name, offsets } = { name: '', offsets: [] }] = await log.describeTopics(['interactions-accepted']);
  const places = offsets.map((_, partition) => ({ topic: name, partition }));
  const committed = await log.committedOffsets(viewGroup(view), places);
  const readable = offsets.reduce((sum, { start, stable }) => sum + stable - start, 0);
  const taken = offsets.reduce((sum, { start }, p) => sum + (committed[p]?.offset ?? start) - start, 0);
  return readable === 0 ? 1 : taken / readable;
}

async function writeStatus(
  environment: RegistryEnvironment,
  { name, version, entity, owner, description, declaration }: AnyView,
  status: FeatureViewStatus,
): Promise<void> {
  await writeVersion(environment, { name, version, entity, owner, description, declaration, status });
}

async function writeVersion(
  { log, topics, clock }: RegistryEnvironment,
  version: Omit<FeatureViewVersion, 'ts'>,
): Promise<void> {
  const ts = clock.now();
  const record = { key: versionedName(version), value: { ...version, ts }, timestamp: ts };
  await writeRecords(log, topics['feature-views'], [record]);
}

function declaredOtherwise({ name, version }: AnyView): FatalError {
  return new FatalError(
    'MR_FEATURES_DECLARATION',
    `Version ${version} of view ${name} is declared differently than when its rows were computed.`,
    { hint: 'Raise the version of the view: it is built beside the old one.' },
  );
}
