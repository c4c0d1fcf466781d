import { groupOfJournal, isJournalTopic } from '#engine';
import { FencedWriter, idleMember, type Log, type TopicDescription } from '#log';
import { type CopiedPartition, type CopyOptions, type CopyProgress, copyGroup, sum } from './copy-options.ts';
import { SchemaMove } from './framed-values.ts';
import { MovedLog } from './moved-log.ts';
import { type Tally, TopicCopy } from './topic-copy.ts';

/**
 * Copies topics from one log to another: the records committed there by now with keys, timestamps and headers, in their
 * order, each partition into its own. Schemas are registered with the target, and values get the ids that they have there.
 * Offsets differ: journals get those of the target, once their inputs are there; what a changelog says of them is left
 * out. How far it has come is committed with the records, so that a copy that was cut off is gone on with by the same call,
 * and nothing is there twice. In the end both sides are read and compared.
 *
 * Nobody else may write to the target meanwhile. Errors: MR_LOG_UNKNOWN_TOPIC, MR_LOG_TOPIC_MISMATCH,
 * MR_SCHEMA_INCOMPATIBLE; ConfigurationError MR_COPY_TARGET_OCCUPIED where the target has records that are not of
 * this copy, MR_COPY_EXPIRES where it would delete them at once.
 */
export async function copyTopics(options: CopyOptions): Promise<readonly CopiedPartition[]> {
  const { from, to } = options;
  const described = await describeInOrder(from.log, options.topics);
  await to.log.createTopics(
    described.map(({ name, partitions, cleanup }) => ({ name, partitions, cleanup })),
  );
  const schemas = new SchemaMove(from.registry, to.registry);
  const writer = await FencedWriter.open(to.log, copyGroup(from));
  const moved = new MovedLog(options);
  const rewriting = { schemas, moved };
  const copies = described.map((topic) => new TopicCopy(options, topic, rewriting, writer));
  try {
    for (const copy of copies) await copy.refuseOccupied();
    const copying = tally('copy', sum(copies.map((copy) => copy.left)), options);
    for (const copy of copies) await copy.copy(copying);
  } finally {
    await writer.close();
  }
  const results: CopiedPartition[] = [];
  const verifying = tally('verify', sum(await Promise.all(copies.map((copy) => copy.size()))), options);
  for (const copy of copies) results.push(...(await copy.verify(verifying)));
  if (options.topics === undefined && results.every(isEqual)) {
    const ofTopologies = described.flatMap(({ name }) => groupOfJournal(name) ?? []);
    for (const group of new Set([...options.groups, ...ofTopologies]))
      await moveGroup(group, options, described, moved);
  }
  return results;
}

/**
 * Commits for a group on the target where it stands on the source: after the same record. Errors: MR_LOG_GENERATION
 * where the group has members on the target.
 */
async function moveGroup(
  group: string,
  { from, to }: CopyOptions,
  topics: readonly TopicDescription[],
  moved: MovedLog,
): Promise<void> {
  for (const { name, offsets } of topics) {
    const places = offsets.map((_, partition) => ({ topic: name, partition }));
    for (const commit of await from.log.committedOffsets(group, places)) {
      const there = commit && (await moved.offsetsOf(commit));
      if (commit === undefined || there === undefined) continue;
      const offset = there.position(commit.offset);
      await to.log.commitOffsets(idleMember(group), [{ ...commit, offset }]);
    }
  }
}

/**
 * Journals last: they need their inputs to be on the target. They are described first, so that no entry tells of records
 * beyond those that are copied while processors write to the source.
 */
async function describeInOrder(log: Log, names: readonly string[] | undefined): Promise<TopicDescription[]> {
  const journals = (await log.describeTopics(names)).filter(({ name }) => isJournalTopic(name));
  const others = (await log.describeTopics(names)).filter(({ name }) => !isJournalTopic(name));
  return [...others, ...journals];
}

export function isEqual({ source, target }: CopiedPartition): boolean {
  return source.records === target.records && source.digest === target.digest;
}

function tally(step: CopyProgress['step'], total: number, { onProgress }: CopyOptions): Tally {
  let done = 0;
  return (topic, offsets) => {
    done += offsets;
    onProgress({ step, topic, done, total });
  };
}
