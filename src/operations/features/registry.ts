import { TopicReader, TopicWriter } from '#engine';
import type { Log } from '#engine/log';
import type { AnyView } from '#features';
import { type Clock, FatalError } from '#platform';
import type { FeatureViewStatus, FeatureViewVersion } from '#schemas';
import type { Topics } from '#topologies';

export type RegistryEnvironment = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'feature-views'>;
  readonly clock: Clock;
};

/** Key of the registry's topic, and the name of the view's topic where it has one of its own. */
export function versionedName({ name, version }: Pick<FeatureViewVersion, 'name' | 'version'>): string {
  return `${name}-${version}`;
}

/** The newest state of every version of every view, by `versionedName`. */
export async function readViewVersions({
  log,
  topics,
}: Pick<RegistryEnvironment, 'log' | 'topics'>): Promise<ReadonlyMap<string, FeatureViewVersion>> {
  const versions = new Map<string, FeatureViewVersion>();
  const reader = await TopicReader.open(log, topics['feature-views'], { from: 'start' });
  try {
    for await (const records of reader.untilEnd()) {
      for (const { key, value } of records) {
        if (value === null) versions.delete(key);
        else versions.set(key, value);
      }
    }
  } finally {
    await reader.close();
  }
  return versions;
}

/**
 * Writes down that the views of the loop are live. A version that takes the place of an older one of its name retires
 * it. Errors: those of `declareVersion`.
 */
export async function declareViews(
  environment: RegistryEnvironment,
  views: readonly AnyView[],
): Promise<void> {
  const known = await readViewVersions(environment);
  for (const view of views) {
    if (declaredStatus(view, known) !== 'live') await takeOver(environment, view, known);
  }
}

/** Writes down that a version is being built, unless it was before; says whether it is live already. Errors: FatalError MR_FEATURES_DECLARATION. */
export async function declareVersion(environment: RegistryEnvironment, view: AnyView): Promise<boolean> {
  const status = declaredStatus(view, await readViewVersions(environment));
  if (status === undefined || status === 'dropped') await writeStatus(environment, view, 'building');
  return status === 'live';
}

/**
 * A version that was written down before must have kept its declaration: rows that were made under another one would
 * be read for what they are not.
 */
function declaredStatus(
  view: AnyView,
  known: ReadonlyMap<string, FeatureViewVersion>,
): FeatureViewStatus | undefined {
  const written = known.get(versionedName(view));
  if (written !== undefined && written.declaration !== view.declaration) throw declaredOtherwise(view);
  return written?.status;
}

/** Makes a version the live one of its name, and retires the one that was. */
export async function takeOver(
  environment: RegistryEnvironment,
  view: AnyView,
  known: ReadonlyMap<string, FeatureViewVersion>,
): Promise<void> {
  await writeStatus(environment, view, 'live');
  for (const other of known.values()) {
    const isReplaced = other.name === view.name && other.version !== view.version && other.status === 'live';
    if (isReplaced) await writeVersion(environment, { ...other, status: 'retired' });
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
  const own = names.filter((topic) => topic === name || topic.startsWith(`view-${name}-`));
  await log.deleteTopics(own);
  await writeVersion(environment, { ...version, status: 'dropped' });
}

/** The share of the accepted events that a view of a module has taken, 0 to 1. */
export async function buildProgress(log: Log, view: AnyView): Promise<number> {
  const [{ name, offsets } = { name: '', offsets: [] }] = await log.describeTopics(['interactions-accepted']);
  const places = offsets.map((_, partition) => ({ topic: name, partition }));
  const committed = await log.committedOffsets(`view-${versionedName(view)}`, places);
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
  const writer = await TopicWriter.open(log, topics['feature-views']);
  try {
    const ts = clock.now();
    await writer.write([{ key: versionedName(version), value: { ...version, ts }, timestamp: ts }]);
  } finally {
    await writer.close();
  }
}

function declaredOtherwise({ name, version }: AnyView): FatalError {
  return new FatalError(
    'MR_FEATURES_DECLARATION',
    `Version ${version} of view ${name} is declared otherwise than when its rows were made.`,
    { hint: 'Raise the version of the view: it is built anew beside the old one.' },
  );
}
