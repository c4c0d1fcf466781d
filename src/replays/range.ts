/** Which records a replay reads: from what a user writes to offsets of partitions. */
import type { Shadow } from '#engine';
import type { Log, PartitionOffsets, TopicPartition } from '#log';
import { InputError } from '#platform';

/** An offset of each partition of the streams, or a time, ms, of each partition of all inputs. */
export type Point = { readonly offset: number } | { readonly timeMs: number };

export type Range = { readonly from?: Point | undefined; readonly to?: Point | undefined };

export type Place = TopicPartition & { readonly offset: number };

export type Offsets = { readonly starts: readonly Place[]; readonly ends: readonly Place[] };

type Input = Shadow['inputs'][number];

type Asked = {
  readonly log: Pick<Log, 'describeTopics' | 'offsetForTimestamp'>;
  readonly inputs: readonly Input[];
  readonly range: Range;
  /** Whether to begin where the log begins when what comes before is gone. */
  readonly isPartial: boolean;
};

/** `beginning` (undefined), an offset, or a time as ISO 8601. Errors: InputError MR_REPLAY_RANGE. */
export function pointOf(text: string): Point | undefined {
  if (text === 'beginning') return undefined;
  if (/^\d+$/.test(text)) return { offset: Number(text) };
  const timeMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(timeMs)) return { timeMs };
  throw new InputError('MR_REPLAY_RANGE', `${text} is neither an offset nor a time.`, {
    hint: 'Write an offset (1200), a time (2026-01-30T12:00:00Z), or "beginning".',
  });
}

/**
 * Where a replay starts and ends in each partition. What the log does not have is refused, all of it named at once: state
 * without it would be taken for whole. Errors: InputError MR_REPLAY_RANGE, MR_REPLAY_INPUT_GONE.
 */
export async function offsetsOf(asked: Asked): Promise<Offsets> {
  const { log, inputs } = asked;
  const described = await log.describeTopics(inputs.map(({ topic }) => topic.name));
  const starts: Place[] = [];
  const ends: Place[] = [];
  const gone: string[] = [];
  for (const input of inputs) {
    const topic = input.topic.name;
    const { offsets = [] } = described.find(({ name }) => name === topic) ?? {};
    for (const [partition, bounds] of offsets.entries()) {
      const place = { topic, partition };
      const start = await startOf(asked, input, place, bounds);
      if (start.missing !== undefined) gone.push(`${topic}/${partition} ${start.missing}`);
      starts.push({ ...place, offset: start.offset });
      const end = await endOf(asked, input, place, bounds);
      if (end !== undefined) ends.push({ ...place, offset: end });
    }
  }
  if (gone.length > 0 && !asked.isPartial) throw inputGone(gone);
  assertNotEmpty(starts, ends);
  return { starts, ends };
}

async function startOf(
  { log, range: { from } }: Asked,
  { topic, isTable }: Input,
  place: TopicPartition,
  { start, stable }: PartitionOffsets,
): Promise<{ readonly offset: number; readonly missing?: string }> {
  // What compaction has removed was replaced by something later; a table is needed whole.
  if (isTable || topic.cleanup.policy === 'compact') return { offset: start };
  if (from === undefined)
    return start === 0 ? { offset: 0 } : { offset: start, missing: `offsets 0 to ${start - 1}` };
  if ('offset' in from) {
    if (from.offset > stable) throw outOfRange(place, from.offset, { start, stable });
    if (from.offset >= start) return from;
    return { offset: start, missing: `offsets ${from.offset} to ${start - 1}` };
  }
  const offset = await log.offsetForTimestamp(place, from.timeMs);
  if (offset > start || start === 0) return { offset };
  // The first record left is later: those before it may have been of that time as well.
  return { offset, missing: `what came before offset ${start} since ${new Date(from.timeMs).toISOString()}` };
}

async function endOf(
  { log, range: { to } }: Asked,
  { topic, isTable }: Input,
  place: TopicPartition,
  { start, stable }: PartitionOffsets,
): Promise<number | undefined> {
  if (to === undefined || isTable || topic.cleanup.policy === 'compact') return undefined;
  if ('timeMs' in to) return log.offsetForTimestamp(place, to.timeMs);
  if (to.offset > stable || to.offset < start) throw outOfRange(place, to.offset, { start, stable });
  return to.offset;
}

function assertNotEmpty(starts: readonly Place[], ends: readonly Place[]): void {
  if (ends.length === 0) return;
  const isEmpty = ends.every(({ topic, partition, offset }) => {
    const start = starts.find((each) => each.topic === topic && each.partition === partition);
    return offset <= (start?.offset ?? 0);
  });
  if (!isEmpty) return;
  throw new InputError('MR_REPLAY_RANGE', 'There are no records from --from to --to.', {
    hint: '--to is the first offset, or the first time, that is not replayed; it lies after --from.',
  });
}

function outOfRange(
  { topic, partition }: TopicPartition,
  offset: number,
  { start, stable }: Pick<PartitionOffsets, 'start' | 'stable'>,
): InputError {
  return new InputError('MR_REPLAY_RANGE', `Offset ${offset} is not in ${topic}/${partition}.`, {
    hint: `It has offsets ${start} to ${stable}; a time suits partitions that differ.`,
  });
}

function inputGone(gone: readonly string[]): InputError {
  return new InputError('MR_REPLAY_INPUT_GONE', `The log no longer has ${gone.join('; ')}.`, {
    hint: 'Begin later with --from, or accept state that lacks them with --partial.',
  });
}
