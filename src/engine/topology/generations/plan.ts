import type { SubTopology, Topology } from '../topology.ts';
import { retyped, type StateChange } from './changes.ts';
import type { Manifest, RepartitionEntry, StoreEntry } from './manifest.ts';

/**
 * What to do about state that has changed, by name: of a store (`<processor>/<store>`), of a processor for all of its
 * stores, or of a sub-topology or repartition topic for everything in it. A choice for which nothing has changed does
 * nothing, so that it may stay where it was written.
 */
export type Migrations = {
  /** Old name to new: the store keeps its rows. */
  readonly rename?: Readonly<Record<string, string>>;
  /**
   * The inputs are read again from their start. Stores of one task share its offsets, and what is read again goes on
   * downstream: every store of the sub-topology, and of those behind its repartition topics, starts over, and outputs are
   * written again.
   */
  readonly rebuild?: readonly string[];
  /** The store begins empty, or is gone; nothing is read again. */
  readonly drop?: readonly string[];
};

/** What a migration does to the log. */
export type Plan = {
  readonly copies: readonly { readonly from: StoreEntry; readonly to: StoreEntry }[];
  /** Stores that are still declared, whose changelogs are emptied row by row. */
  readonly emptied: readonly StoreEntry[];
  /** Topics of the engine that are deleted, to be recreated where they are still declared. */
  readonly deleted: ReadonlySet<string>;
  /** Sub-topologies whose inputs are read again from their start. */
  readonly rebuilt: readonly SubTopology[];
  /** Repartition topics that start over: nothing of them has been read. */
  readonly restarted: readonly RepartitionEntry[];
  /** Whether state is changed in a way that no journal tells of. */
  readonly breaksJournal: boolean;
};

/** Whether a repartition topic still has all that was ever written to it. */
export type IsComplete = (topic: string) => boolean;

/** Makes a plan from the choices; `unresolved` are the changes that none of them covers. */
export class Planner {
  readonly #topology: Topology;
  readonly #was: Manifest;
  readonly #is: Manifest;
  readonly #migrations: Migrations;
  readonly #isComplete: IsComplete;

  constructor(
    topology: Topology,
    manifests: { readonly was: Manifest; readonly is: Manifest },
    migrations: Migrations,
    isComplete: IsComplete,
  ) {
    this.#topology = topology;
    this.#was = manifests.was;
    this.#is = manifests.is;
    this.#migrations = migrations;
    this.#isComplete = isComplete;
  }

  plan(changes: readonly StateChange[]): {
    readonly plan: Plan;
    readonly unresolved: readonly StateChange[];
  } {
    const copies: Plan['copies'][number][] = [];
    const dropped: StateChange[] = [];
    const unresolved: StateChange[] = [];
    const rebuilt = this.#closureOf(changes.filter((change) => this.#isNamed('rebuild', change)));
    for (const change of changes) {
      const heir = change.kind === 'removed' ? this.#heirOf(change.was) : undefined;
      if (change.kind === 'removed' && heir !== undefined) copies.push({ from: change.was, to: heir });
      else if (this.#isRebuilt(rebuilt, change)) continue;
      else if (this.#isNamed('drop', change)) dropped.push(change);
      else unresolved.push(change);
    }
    return { plan: this.#assemble(copies, dropped, rebuilt, changes), unresolved };
  }

  #assemble(
    copies: Plan['copies'],
    dropped: readonly StateChange[],
    rebuilt: ReadonlySet<SubTopology>,
    changes: readonly StateChange[],
  ): Plan {
    const before = new Map(this.#was.stores.map((store) => [store.name, store]));
    const droppedNames = new Set(dropped.map(({ name }) => name));
    const rebuiltNames = new Set([...rebuilt].flatMap(({ stores }) => stores.map(({ name }) => name)));
    const changed = this.#is.stores.filter(({ name }) => droppedNames.has(name) || rebuiltNames.has(name));
    const deleted = new Set<string>();
    const emptied: StoreEntry[] = [];
    for (const store of changed) {
      const old = before.get(store.name);
      // Another number of partitions makes another topic; else the offsets go on, and copies elsewhere notice.
      if (store.isOwn && old !== undefined && old.partitions !== store.partitions)
        deleted.add(store.changelog);
      else if (store.logged) emptied.push(store);
      if (old?.isOwn && old.changelog !== store.changelog) deleted.add(old.changelog);
    }
    for (const change of dropped) {
      if (change.kind === 'removed' && change.was.isOwn) deleted.add(change.was.changelog);
      if (change.kind === 'topic-removed') deleted.add(change.topic);
    }
    for (const { from, to } of copies)
      if (from.isOwn && from.changelog !== to.changelog) deleted.add(from.changelog);
    const restarted = this.#is.repartitions.filter((entry) => {
      const writers = this.#writersOf(entry.topic);
      const isReshaped = changes.some(({ kind, name }) => isOfTopic(kind) && name === entry.name);
      return isReshaped || writers.some((writer) => rebuilt.has(writer));
    });
    for (const { topic } of restarted) deleted.add(topic);
    const breaksJournal = changed.some(({ name }) => droppedNames.has(name));
    return { copies, emptied, deleted, rebuilt: [...rebuilt], restarted, breaksJournal };
  }

  /** The sub-topologies that have to read their inputs again for the sake of these changes. */
  #closureOf(changes: readonly StateChange[]): Set<SubTopology> {
    const closure = new Set<SubTopology>();
    const add = (subTopology: SubTopology) => {
      if (closure.has(subTopology)) return;
      closure.add(subTopology);
      for (const { topic } of subTopology.sinks)
        for (const reader of this.#readersOf(topic.name)) add(reader);
      for (const { topic } of subTopology.sources) {
        const writers = this.#writersOf(topic.name);
        const isWhole = this.#isComplete(topic.name) && !writers.some((writer) => closure.has(writer));
        if (!isWhole) for (const writer of writers) add(writer);
      }
    };
    for (const change of changes) for (const subTopology of this.#concerned(change)) add(subTopology);
    return closure;
  }

  /** The sub-topologies that hold what has changed; for a repartition topic of another shape, its writers too. */
  #concerned({ kind, name }: StateChange): readonly SubTopology[] {
    return this.#topology.subTopologies.filter(({ stores, sources, sinks }) => {
      if (stores.some((store) => store.name === name)) return true;
      if (!isOfTopic(kind)) return false;
      const topic = this.#is.repartitions.find((entry) => entry.name === name)?.topic;
      return [...sources, ...sinks].some((node) => node.topic.name === topic);
    });
  }

  #isRebuilt(rebuilt: ReadonlySet<SubTopology>, change: StateChange): boolean {
    const concerned = this.#concerned(change);
    return concerned.length > 0 && concerned.every((subTopology) => rebuilt.has(subTopology));
  }

  #isNamed(choice: 'rebuild' | 'drop', { name }: StateChange): boolean {
    const named = this.#migrations[choice] ?? [];
    const subTopology = [...this.#was.stores, ...this.#is.stores].find(
      (store) => store.name === name,
    )?.subTopology;
    return named.some((each) => each === name || each === subTopology || name.startsWith(`${each}/`));
  }

  /** The new store that takes over a removed one's rows; undefined where none is named that can. */
  #heirOf(store: StoreEntry): StoreEntry | undefined {
    const renamed = Object.entries(this.#migrations.rename ?? {}).flatMap(([old, name]) => {
      if (old === store.name) return [name];
      return store.name.startsWith(`${old}/`) ? [`${name}${store.name.slice(old.length)}`] : [];
    });
    const isNew = !this.#was.stores.some(({ name }) => name === renamed[0]);
    const heir = this.#is.stores.find(({ name }) => name === renamed[0]);
    const isFit = heir?.partitions === store.partitions && retyped(store, heir) === undefined;
    return isNew && isFit ? heir : undefined;
  }

  #readersOf(topic: string): readonly SubTopology[] {
    return this.#isRepartition(topic)
      ? this.#topology.subTopologies.filter(({ sources }) =>
          sources.some((node) => node.topic.name === topic),
        )
      : [];
  }

  #writersOf(topic: string): readonly SubTopology[] {
    return this.#isRepartition(topic)
      ? this.#topology.subTopologies.filter(({ sinks }) => sinks.some((node) => node.topic.name === topic))
      : [];
  }

  #isRepartition(topic: string): boolean {
    return this.#is.repartitions.some((entry) => entry.topic === topic);
  }
}

/** Whether records on their way no longer fit the repartition topic that they are in. */
function isOfTopic(kind: StateChange['kind']): boolean {
  return kind === 'topic-repartitioned' || kind === 'topic-retyped';
}
