import type { Log, OffsetCommit, ProducerRecord } from '#log';
import type { Topology } from '../topology.ts';
import { IdleGroup, inputsOf } from './idle-group.ts';
import { encodeManifest, type Manifest, manifestTopic } from './manifest.ts';
import type { Plan } from './plan.ts';

/**
 * Carries out a plan. Every step may be done twice, and the manifest is written last: the next start begins a migration
 * that was cut short again.
 */
export class Migration {
  readonly #log: Log;
  readonly #topology: Topology;
  readonly #group: IdleGroup;

  private constructor(log: Log, topology: Topology, group: IdleGroup) {
    this.#log = log;
    this.#topology = topology;
    this.#group = group;
  }

  /** Errors: MR_TOPOLOGY_MIGRATION_BUSY while an instance runs, or another one migrates. */
  static async run(log: Log, topology: Topology, plan: Plan, is: Manifest): Promise<void> {
    const group = `${topology.name}-${topology.generation}`;
    const inputs = inputsOf(topology.subTopologies);
    await IdleGroup.run({ log, group, transactionalId: `${group}-migration`, inputs }, (idle) =>
      new Migration(log, topology, idle).#run(plan, is),
    );
  }

  async #run(plan: Plan, is: Manifest): Promise<void> {
    const group = this.#group;
    const resets = await this.#resets(plan);
    // Before anything is deleted.
    await group.commit();
    const heirs = new Set(plan.copies.map(({ to }) => to.changelog));
    await group.deleteTopics(
      [...plan.deleted].filter((topic) => !plan.copies.some(({ from }) => from.changelog === topic)),
    );
    await this.#log.createTopics([...this.#topology.internalTopics, manifestTopic(this.#topology)]);
    for (const { from, to } of plan.copies) {
      if (!to.logged || from.changelog === to.changelog) continue;
      for (let partition = 0; partition < to.partitions; partition++) {
        await group.transfer({ from: to.changelog, to: to.changelog, partition, become: bury });
        await group.transfer({ from: from.changelog, to: to.changelog, partition, become: keyed });
      }
    }
    for (const { changelog, partitions } of plan.emptied) {
      if (heirs.has(changelog)) continue;
      for (let partition = 0; partition < partitions; partition++) {
        await group.transfer({ from: changelog, to: changelog, partition, become: bury });
      }
    }
    const { name, generation } = this.#topology;
    if (plan.breaksJournal) await group.deleteTopics([`${name}-${generation}-journal`]);
    const records = [{ ...encodeManifest(is), timestamp: 0 }];
    await group.commit(resets, {
      appends: [{ topic: manifestTopic(this.#topology).name, partition: 0, records }],
    });
    await group.deleteTopics(
      plan.copies.flatMap(({ from }) => (plan.deleted.has(from.changelog) ? [from.changelog] : [])),
    );
  }

  /** Where the inputs of what is rebuilt begin, and those that are recreated. */
  async #resets({ rebuilt, restarted }: Plan): Promise<OffsetCommit[]> {
    const anew = new Set(restarted.map(({ topic }) => topic));
    const resets: OffsetCommit[] = [];
    const whole = rebuilt.flatMap(({ sources }) => sources.map(({ topic }) => topic.name));
    for (const topic of whole.filter((name) => !anew.has(name))) {
      const [description] = await this.#log.describeTopics([topic]);
      for (const [partition, { start }] of (description?.offsets ?? []).entries()) {
        resets.push({ topic, partition, offset: start });
      }
    }
    for (const { topic, partitions } of restarted) {
      for (let partition = 0; partition < partitions; partition++)
        resets.push({ topic, partition, offset: 0 });
    }
    return resets;
  }
}

/** Removes the row again: a copy of the store elsewhere learns of it as of any change. */
function bury({ key, value, timestamp }: ProducerRecord): ProducerRecord | undefined {
  return key === null || value === null ? undefined : { key, value: null, timestamp };
}

function keyed(record: ProducerRecord): ProducerRecord | undefined {
  return record.key === null ? undefined : record;
}
