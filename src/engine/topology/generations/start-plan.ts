import { createHash } from 'node:crypto';
import type { Log, TopicDescription } from '#log';
import { arrivalDependentNodes } from '../node.ts';
import type { SubTopology, Topology } from '../topology.ts';
import { changesBetween, describeChange, retyped, type StateChange } from './changes.ts';
import { type Manifest, manifestOf, manifestTopic, readManifest, type StoreEntry } from './manifest.ts';
import { type Migrations, type Plan, Planner } from './plan.ts';

/** What becomes of a store when a topology is started on the state that is there. */
export type StoreFate = {
  readonly store: string;
  readonly fate: 'kept' | 'new' | 'renamed' | 'rebuilt' | 'dropped' | 'emptied';
  /** What has changed, and what else could be chosen; '' where nothing has. */
  readonly why: string;
};

/** What a start would do to the log. Nothing is done, or made, by making it. */
export type StartPlan = {
  readonly topology: string;
  readonly generation: number;
  readonly stores: readonly StoreFate[];
  /** Topics of the engine's own that are made, and those that are deleted, some of them to be made again. */
  readonly created: readonly string[];
  readonly deleted: readonly string[];
  /** Sub-topologies whose inputs are read again from their start; their outputs are written again. */
  readonly rebuilt: readonly string[];
  readonly recordsToRead: number;
  /** Changes that the topology's own choices do not cover, one line each: a start is refused without the plan's hash. */
  readonly unresolved: readonly string[];
  /** Covers what would be done, not how many records there are by now. */
  readonly hash: string;
};

export type PlanningOptions = {
  readonly log: Pick<Log, 'describeTopics' | 'consumer'>;
  readonly topology: Topology;
  readonly migrations?: Migrations | undefined;
};

/** A plan with what carries it out. */
export type Planned = {
  readonly plan: StartPlan;
  readonly was: Manifest;
  readonly is: Manifest;
  readonly changes: readonly StateChange[];
  /** By the topology's own choices, and where they say nothing, by proposals. */
  readonly migration: Plan;
  /** Whether the log's record of the state is already what this topology would write. */
  readonly isRecorded: boolean;
};

/**
 * Decides what a start does about state that is there: the one place that does, for "millrace plan" as for the start
 * itself. Changes that no choice covers get a proposal: a rename where one new store fits a removed one, a rebuild where the
 * log still has all inputs and nothing depends on when they came, else the state begins empty. Errors:
 * MR_TOPOLOGY_MANIFEST.
 */
export async function planStart(options: PlanningOptions): Promise<Planned> {
  const { topology, migrations = {} } = options;
  const log = options.log as Log;
  const existing = new Map((await log.describeTopics()).map((topic) => [topic.name, topic]));
  const known = existing.has(manifestTopic(topology).name) ? await readManifest(log, topology) : undefined;
  const { carriedFrom } = known ?? {};
  const is = { ...manifestOf(topology), ...(carriedFrom !== undefined && { carriedFrom }) };
  const was = known ?? manifestOfTopics(is, existing);
  const changes = changesBetween(was, is);
  const isComplete = (topic: string) =>
    existing.get(topic)?.offsets.every(({ start }) => start === 0) ?? true;
  const planned = (chosen: Migrations) =>
    new Planner(topology, { was, is }, chosen, isComplete).plan(changes);
  const { unresolved } = planned(migrations);
  const proposed =
    unresolved.length === 0
      ? migrations
      : proposals(topology, { was, is }, migrations, unresolved, isComplete);
  const { plan: migration } = planned(proposed);
  const lines = unresolved.map((change) => describeChange(change, is, was));
  const plan = shown(topology, { was, is }, { changes, migration, existing, lines });
  return { plan, was, is, changes, migration, isRecorded: JSON.stringify(known) === JSON.stringify(is) };
}

function proposals(
  topology: Topology,
  { was, is }: { readonly was: Manifest; readonly is: Manifest },
  chosen: Migrations,
  unresolved: readonly StateChange[],
  isComplete: (topic: string) => boolean,
): Migrations {
  const rename: Record<string, string> = { ...chosen.rename };
  const rebuild = [...(chosen.rebuild ?? [])];
  const drop = [...(chosen.drop ?? [])];
  const isRebuildable = canRebuild(topology, isComplete);
  for (const change of unresolved) {
    const { kind, name } = change;
    const heir = kind === 'removed' ? onlyHeir(change.was, was, is, Object.values(rename)) : undefined;
    if (heir !== undefined) rename[name] = heir;
    else if (kind !== 'removed' && kind !== 'topic-removed' && isRebuildable) rebuild.push(name);
    else drop.push(name);
  }
  return { rename, rebuild, drop };
}

/** The one new store that can take over a removed one's rows. */
function onlyHeir(
  store: StoreEntry,
  was: Manifest,
  is: Manifest,
  taken: readonly string[],
): string | undefined {
  const known = new Set(was.stores.map(({ name }) => name));
  const fitting = is.stores.filter(
    (each) =>
      !known.has(each.name) &&
      each.logged &&
      each.kind === store.kind &&
      each.partitions === store.partitions &&
      retyped(store, each) === undefined &&
      !taken.includes(each.name),
  );
  return fitting.length === 1 ? fitting[0]?.name : undefined;
}

/** Whether every input of the topology is there from its beginning, and its state does not depend on when they came. */
function canRebuild({ subTopologies }: Topology, isComplete: (topic: string) => boolean): boolean {
  const dependsOnArrival = subTopologies.some(({ nodes }) => arrivalDependentNodes(nodes).length > 0);
  const inputs = subTopologies.flatMap(({ sources }) => sources);
  return !dependsOnArrival && inputs.every(({ topic }) => isComplete(topic.name));
}

/**
 * Plans a reset: all state of a topology begins empty, its inputs are read again from the start of the log, and its outputs
 * are written again.
 */
export async function planReset({ topology, ...options }: PlanningOptions): Promise<Planned> {
  const planned = await planStart({ topology, ...options });
  const { was, is, changes } = planned;
  const existing = new Map((await (options.log as Log).describeTopics()).map((topic) => [topic.name, topic]));
  const restarted = is.repartitions;
  const migration: Plan = {
    copies: [],
    emptied: is.stores.filter(({ logged }) => logged),
    deleted: new Set([...restarted.map(({ topic }) => topic), ...planned.migration.deleted]),
    rebuilt: topology.subTopologies,
    restarted,
    breaksJournal: true,
  };
  const plan = shown(
    topology,
    { was, is },
    { changes, migration, existing, lines: ['all state begins empty'] },
  );
  return { ...planned, plan, migration };
}

type Known = {
  readonly changes: readonly StateChange[];
  readonly migration: Plan;
  readonly existing: ReadonlyMap<string, TopicDescription>;
  readonly lines: readonly string[];
};

function shown(
  topology: Topology,
  manifests: { readonly was: Manifest; readonly is: Manifest },
  { changes, migration, existing, lines }: Known,
): StartPlan {
  const { name, generation } = topology;
  const stores = fatesOf(manifests, changes, migration);
  const deleted = [...migration.deleted].filter((topic) => existing.has(topic)).sort();
  const isMade = (topic: string) => !existing.has(topic) || migration.deleted.has(topic);
  const own = [...topology.internalTopics, manifestTopic(topology)].map((topic) => topic.name);
  const created = own.filter(isMade).sort();
  const rebuilt = migration.rebuilt.map((each) => each.name).sort();
  const decided = { topology: name, generation, stores, deleted, rebuilt, unresolved: lines };
  return {
    ...decided,
    created,
    recordsToRead: recordsOf(migration.rebuilt, existing),
    hash: createHash('sha256').update(JSON.stringify(decided)).digest('hex').slice(0, 12),
  };
}

function fatesOf(
  { was, is }: { readonly was: Manifest; readonly is: Manifest },
  changes: readonly StateChange[],
  { copies, emptied, rebuilt }: Plan,
): readonly StoreFate[] {
  const before = new Set(was.stores.map(({ name }) => name));
  const rebuiltStores = new Set(rebuilt.flatMap(({ stores }) => stores.map(({ name }) => name)));
  const why = (store: string) =>
    changes
      .filter(({ name }) => name === store)
      .map((change) => describeChange(change, is, was))
      .join('; ');
  const fates = is.stores.map(({ name }): StoreFate => {
    const heirOf = copies.find(({ to }) => to.name === name)?.from.name;
    if (heirOf !== undefined) return { store: name, fate: 'renamed', why: `its rows are those of ${heirOf}` };
    if (!before.has(name)) return { store: name, fate: 'new', why: '' };
    if (rebuiltStores.has(name)) return { store: name, fate: 'rebuilt', why: why(name) };
    if (emptied.some((store) => store.name === name) || changes.some((change) => change.name === name))
      return { store: name, fate: 'emptied', why: why(name) };
    return { store: name, fate: 'kept', why: '' };
  });
  const gone = changes.flatMap((change): StoreFate[] => {
    if (change.kind !== 'removed' || copies.some(({ from }) => from.name === change.name)) return [];
    return [{ store: change.name, fate: 'dropped', why: why(change.name) }];
  });
  return [...fates, ...gone].sort((a, b) => (a.store < b.store ? -1 : 1));
}

/** Counts inputs from outside only: intermediate topics are written again, as large as they were. */
function recordsOf(rebuilt: readonly SubTopology[], existing: ReadonlyMap<string, TopicDescription>): number {
  const topics = new Set(rebuilt.flatMap(({ sources }) => sources.map(({ topic }) => topic.name)));
  return [...topics]
    .flatMap((topic) => existing.get(topic)?.offsets ?? [])
    .reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Where nothing was written down yet: what the topics themselves show. */
function manifestOfTopics(is: Manifest, existing: ReadonlyMap<string, TopicDescription>): Manifest {
  return {
    version: 1,
    stores: is.stores
      .filter(({ changelog, isOwn }) => isOwn && existing.has(changelog))
      .map((store) => ({
        ...store,
        partitions: existing.get(store.changelog)?.partitions ?? store.partitions,
      })),
    repartitions: is.repartitions
      .filter(({ topic }) => existing.has(topic))
      .map((entry) => ({ ...entry, partitions: existing.get(entry.topic)?.partitions ?? entry.partitions })),
  };
}
