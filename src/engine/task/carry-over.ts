import { createHash } from 'node:crypto';
import { idleMember, type Log, type OffsetCommit, type ProducerRecord, type TopicDescription } from '#log';
import { ConfigurationError, failpoint } from '#platform';
import { changesBetween, describeChange } from '../topology/generations/changes.ts';
import { IdleGroup, inputsOf, type Transfer } from '../topology/generations/idle-group.ts';
import {
  encodeManifest,
  type Manifest,
  manifestOf,
  manifestTopic,
  readManifest,
} from '../topology/generations/manifest.ts';
import { type Migrations, type Plan, Planner } from '../topology/generations/plan.ts';
import type { Topology } from '../topology/topology.ts';
import { journalTopic } from './commit/journal.ts';
import { portableHeaders } from './commit/position.ts';
import { removeGeneration } from './earlier-generations.ts';

/** Every step at which a test can stop a carry-over. */
export const CARRY_OVER_FAILPOINTS = [
  'carry-over.begun',
  'carry-over.copied',
  'carry-over.switch.before',
  'carry-over.switch.after',
  'carry-over.removed',
] as const;

/**
 * What to do about state that differs between the generations, by the names of stores and repartition topics: as for a
 * migration, but without a rebuild, which would emit again what has been emitted. `convert` returns a value as the new
 * generation reads it.
 */
export type CarryOverChoices = Pick<Migrations, 'rename' | 'drop'> & {
  readonly convert?: Readonly<Record<string, (value: Buffer) => Buffer>>;
};

/** What a carry-over would do. */
export type CarryOverPlan = {
  readonly from: number;
  /** Differences that no choice covers: refused, or, where the plan is accepted, begun empty. */
  readonly unresolved: readonly string[];
  readonly recordsToCopy: number;
  readonly hash: string;
};

export type CarryOverOptions = {
  readonly log: Log;
  readonly topology: Topology;
  /** The generation whose state is carried over. */
  readonly from: number;
  readonly choices?: CarryOverChoices;
  /** The hash of a plan that lets state without a choice begin empty: see planCarryOver. */
  readonly accepted?: string | undefined;
  /** Told how many of the records to copy are copied, by their offsets. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
};

/** A topic of the earlier generation and the one that takes its place. */
type Heir = {
  /** Name of the store or the repartition topic. */
  readonly name: string;
  readonly from: string;
  readonly to: string;
};

type Copy = Transfer & { readonly range: { readonly start: number; readonly end: number } };

type Topics = ReadonlyMap<string, TopicDescription>;

/** The offset of an input of the earlier generation after the switch: an instance of it can't read from there. */
const RETIRED = Number.MAX_SAFE_INTEGER;

/**
 * Hands an earlier generation's state to this one: the rows of its changelogs, the records that its tasks have not read
 * yet, and how far they have read, with the watermarks (compare Flink's restore from a savepoint). Changelogs that are
 * topics of others stay as they are. One transaction makes the switch, with the manifest and the offsets of this
 * generation; until then the earlier one is unchanged, and a carry-over that was cut short is begun again. After the
 * switch the earlier generation's topics are deleted. Does nothing where all of this has been done.
 * Errors: MR_TOPOLOGY_STATE_CHANGED for a difference without a choice, MR_TOPOLOGY_MIGRATION_BUSY while an instance of the
 * earlier generation runs, or another process carries over.
 */
export async function carryOver(options: CarryOverOptions): Promise<void> {
  const { log, topology, from } = options;
  const earlier = { name: topology.name, generation: from };
  const was = await readManifest(log, earlier);
  if (was === undefined) return;
  if ((await readManifest(log, topology)) === undefined) await new CarryOver(options, was).run();
  await removeGeneration(log, earlier);
}

/** Changes nothing; undefined where there is nothing to carry over any more. */
export async function planCarryOver(
  options: Pick<CarryOverOptions, 'log' | 'topology' | 'from' | 'choices'>,
): Promise<CarryOverPlan | undefined> {
  const { log, topology, from } = options;
  const was = await readManifest(log, { name: topology.name, generation: from });
  if (was === undefined || (await readManifest(log, topology)) !== undefined) return undefined;
  return new CarryOver(options, was).plan();
}

class CarryOver {
  readonly #unresolved: readonly string[];
  readonly #options: CarryOverOptions;
  /** With topics named as this generation names them. */
  readonly #was: Manifest;
  readonly #is: Manifest;
  readonly #plan: Plan;
  #done = 0;
  #total = 0;

  constructor(options: CarryOverOptions, was: Manifest) {
    const { topology, choices = {}, from } = options;
    this.#options = options;
    this.#was = {
      ...was,
      stores: was.stores.map((store) => ({ ...store, changelog: this.#later(store.changelog) })),
      repartitions: was.repartitions.map((entry) => ({ ...entry, topic: this.#later(entry.topic) })),
    };
    this.#is = { ...manifestOf(topology), carriedFrom: from };
    const isConverted = (name: string) => choices.convert?.[name] !== undefined;
    const changes = changesBetween(this.#was, this.#is).filter(
      ({ kind, name }) => !(kind.endsWith('retyped') && isConverted(name)),
    );
    const manifests = { was: this.#was, is: this.#is };
    const { rename = {}, drop = [] } = choices;
    const planned = (dropped: readonly string[]) => {
      const { plan, unresolved } = new Planner(
        topology,
        manifests,
        { rename, drop: dropped },
        () => false,
      ).plan(changes);
      const lines = unresolved.map((change) => describeChange(change, this.#is, this.#was, 'drop'));
      for (const { name, changelog, isOwn } of plan.emptied) {
        const isKept = !isOwn && this.#was.stores.some((store) => store.changelog === changelog);
        if (isKept)
          lines.push(`store ${name} is kept in ${changelog}, which others read: it can't be dropped`);
      }
      return { plan, lines, names: unresolved.map(({ name }) => name) };
    };
    let chosen = planned(drop);
    if (options.accepted === this.#hashOf(chosen.lines)) chosen = planned([...drop, ...chosen.names]);
    this.#plan = chosen.plan;
    this.#unresolved = chosen.lines;
  }

  async plan(): Promise<CarryOverPlan> {
    const { log, from } = this.#options;
    const existing = new Map((await log.describeTopics()).map((topic) => [topic.name, topic]));
    const copies = this.#copies(existing, await log.committedOffsets(this.#group, this.#inputs()));
    const unresolved = this.#unresolved;
    return { from, unresolved, recordsToCopy: recordsIn(copies), hash: this.#hashOf(unresolved) };
  }

  #hashOf(unresolved: readonly string[]): string {
    const decided = { from: this.#options.from, to: this.#is, unresolved };
    return createHash('sha256').update(JSON.stringify(decided)).digest('hex').slice(0, 12);
  }

  get #group(): string {
    return `${this.#options.topology.name}-${this.#options.from}`;
  }

  #inputs() {
    return inputsOf(this.#options.topology.subTopologies).map((input) => {
      return { ...input, topic: this.#earlier(input.topic) };
    });
  }

  #copies(existing: Topics, committed: readonly (OffsetCommit | undefined)[]): readonly Copy[] {
    return [
      ...this.#changelogs().flatMap((heir) => this.#rows(heir, existing)),
      ...this.#repartitions().flatMap((heir) =>
        this.#records(
          heir,
          existing,
          committed.filter((mark) => mark !== undefined),
        ),
      ),
    ];
  }

  async run(): Promise<void> {
    if (this.#unresolved.length > 0) throw refused(this.#options, this.#unresolved);
    const { log, topology, signal } = this.#options;
    const { name, generation } = topology;
    const options = {
      log,
      group: this.#group,
      transactionalId: `${name}-${generation}-carry-over`,
      inputs: this.#inputs(),
      signal,
      onRead: (offsets: number) => this.#advance(offsets),
    };
    await IdleGroup.run(options, (group) => this.#carry(group));
  }

  async #carry(group: IdleGroup): Promise<void> {
    const { log, topology } = this.#options;
    // Before anything is deleted: it fails while an instance runs.
    await group.commit();
    const committed = await group.committed();
    const own = [...topology.internalTopics, manifestTopic(topology)];
    await group.deleteTopics([...own, journalTopic(topology)].map(({ name }) => name));
    await log.createTopics(own);
    failpoint('carry-over.begun');
    const existing = new Map((await log.describeTopics()).map((topic) => [topic.name, topic]));
    const copies = this.#copies(existing, committed);
    this.#done = 0;
    this.#total = recordsIn(copies);
    for (const copy of copies) {
      await group.transfer(copy);
      failpoint('carry-over.copied');
    }
    failpoint('carry-over.switch.before');
    // An instance has come and gone meanwhile: what was copied is not what it has left.
    if (JSON.stringify(await group.committed()) !== JSON.stringify(committed)) return this.#carry(group);
    const { name, generation } = topology;
    const records = [{ ...encodeManifest(this.#is), timestamp: 0 }];
    const retired = committed.map(({ topic, partition }) => ({ topic, partition, offset: RETIRED }));
    await group.commit(retired, {
      appends: [{ topic: manifestTopic(topology).name, partition: 0, records }],
      offsets: [{ group: idleMember(`${name}-${generation}`), offsets: this.#offsets(committed) }],
    });
    failpoint('carry-over.switch.after');
  }

  /** Changelogs of the engine's own, whose rows go on in another topic. */
  #changelogs(): Heir[] {
    const { copies, emptied, deleted } = this.#plan;
    const fresh = new Set([...emptied.map(({ changelog }) => changelog), ...deleted]);
    return this.#is.stores.flatMap(({ name, isOwn, changelog }) => {
      const renamed = copies.find(({ to }) => to.name === name)?.from;
      const was = renamed ?? this.#was.stores.find((store) => store.name === name);
      if (!isOwn || was === undefined || fresh.has(changelog)) return [];
      return [{ name, from: this.#earlier(was.changelog), to: changelog }];
    });
  }

  #repartitions(): Heir[] {
    return this.#is.repartitions.flatMap(({ name, topic }) => {
      const isKnown = this.#was.repartitions.some((entry) => entry.topic === topic);
      if (!isKnown || this.#plan.deleted.has(topic)) return [];
      return [{ name, from: this.#earlier(topic), to: topic }];
    });
  }

  #rows({ name, from, to }: Heir, existing: Topics): Copy[] {
    const become = (record: ProducerRecord): ProducerRecord => {
      // Positions in the earlier generation's topics mean nothing in those of this one.
      return { ...this.#converted(name, record), headers: portableHeaders(record.headers ?? []) };
    };
    return (existing.get(from)?.offsets ?? []).map(({ start, end }, partition) => {
      return { from, to, partition, range: { start, end }, become };
    });
  }

  /** Those that the earlier generation has not read. */
  #records({ name, from, to }: Heir, existing: Topics, committed: readonly OffsetCommit[]): Copy[] {
    const become = (record: ProducerRecord) => this.#converted(name, record);
    return (existing.get(from)?.offsets ?? []).map(({ start, end }, partition) => {
      const mark = committed.find(({ topic, ...at }) => topic === from && at.partition === partition);
      const range = { start: Math.max(start, mark?.offset ?? start), end };
      return { from, to, partition, range, become };
    });
  }

  #converted(name: string, record: ProducerRecord): ProducerRecord {
    const convert = this.#options.choices?.convert?.[name];
    return convert === undefined || record.value === null
      ? record
      : { ...record, value: convert(record.value) };
  }

  /** Where this generation goes on: as the earlier one in topics of others, at the beginning of its own. */
  #offsets(committed: readonly OffsetCommit[]): OffsetCommit[] {
    const internal = new Set(this.#options.topology.internalTopics.map(({ name }) => name));
    const carried = new Set(this.#repartitions().map(({ to }) => to));
    return committed.flatMap((mark): OffsetCommit[] => {
      const topic = this.#later(mark.topic);
      if (!internal.has(topic)) return [mark];
      return carried.has(topic) ? [{ ...mark, topic, offset: 0 }] : [];
    });
  }

  #advance(offsets: number): void {
    this.#done += offsets;
    this.#options.onProgress?.(this.#done, this.#total);
  }

  #later(topic: string): string {
    const { topology, from } = this.#options;
    return movedTo(topic, `${topology.name}-${from}-`, `${topology.name}-${topology.generation}-`);
  }

  #earlier(topic: string): string {
    const { topology, from } = this.#options;
    return movedTo(topic, `${topology.name}-${topology.generation}-`, `${topology.name}-${from}-`);
  }
}

const recordsIn = (copies: readonly Copy[]) =>
  copies.reduce((sum, { range: { start, end } }) => sum + end - start, 0);

function movedTo(topic: string, from: string, to: string): string {
  return topic.startsWith(from) ? to + topic.slice(from.length) : topic;
}

function refused({ topology, from }: CarryOverOptions, differences: readonly string[]): ConfigurationError {
  const { name, generation } = topology;
  return new ConfigurationError(
    'MR_TOPOLOGY_STATE_CHANGED',
    `Generation ${generation} of topology ${name} can't take over the state of generation ${from}: ${differences.join('; ')}.`,
    {
      hint: 'choose for each: rename keeps the rows, convert rewrites them, drop starts empty; or see "millrace plan", and start with --accept and its hash to let them begin empty',
    },
  );
}
