/** Which replays there are: a record each on topic `replays`, the newest of which counts. */
import { currentRecords, type Topic, textKey } from '#engine';
import type { Log } from '#log';
import { InputError } from '#platform';
import type { Runs } from '#processing';
import type { Offsets, Range } from './range.ts';

/** A replay as it was begun: what continues under its name has to be the same. */
export type Definition = {
  readonly name: string;
  /** Name of the live topology. */
  readonly topology: string;
  readonly generation: number;
  readonly runs: Runs;
  /** The code that it runs, see codeOf; replays of earlier releases lack it. */
  readonly code?: string;
  readonly range: Range;
  readonly withArrival: boolean;
  readonly starts: Offsets['starts'];
  /** Where it ends; the live inputs are followed where there are no ends. */
  readonly ends: Offsets['ends'];
  readonly begunMs: number;
};

const DAY_MS = 86_400_000;

export const replaysTopic: Topic<string, Definition> = {
  name: 'replays',
  partitions: 1,
  cleanup: { policy: 'compact', tombstoneRetentionMs: DAY_MS },
  key: textKey,
  value: {
    encode: (definition) => Buffer.from(JSON.stringify(definition)),
    decode: (bytes) => decoded(bytes),
    prepare: async () => {},
    fingerprint: Buffer.from('replay'),
    framing: 0,
  },
};

/** Letters and digits alone: the names of its topics then begin as those of no other. Errors: MR_REPLAY_UNKNOWN. */
export function shadowName(name: string): string {
  if (/^[a-z][a-z0-9]{0,30}$/.test(name)) return `shadow-${name}`;
  throw new InputError('MR_REPLAY_UNKNOWN', `${name} is no name for a replay.`, {
    hint: 'A name has up to 31 small letters and digits, and begins with a letter.',
  });
}

/** The group under which a replay commits what it has read. */
export const replayGroup = ({ name, generation }: Pick<Definition, 'name' | 'generation'>) =>
  `${shadowName(name)}-${generation}`;

export async function readReplays(log: Log): Promise<readonly Definition[]> {
  const isThere = (await log.describeTopics()).some(({ name }) => name === replaysTopic.name);
  if (!isThere) return [];
  return Array.from(await currentRecords(log, replaysTopic, 'by-first'), ([, { value }]) => value);
}

/** Errors: MR_REPLAY_UNKNOWN. */
export async function findReplay(log: Log, name: string): Promise<Definition> {
  const found = (await readReplays(log)).find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new InputError('MR_REPLAY_UNKNOWN', `There is no replay ${name}.`, {
    hint: 'See "millrace replay list".',
  });
}

function decoded(bytes: Buffer): Definition {
  try {
    return JSON.parse(bytes.toString()) as Definition;
  } catch (cause) {
    throw new InputError('MR_AVRO_DECODE', 'a record of topic replays is no JSON', { cause });
  }
}

export type ReplayProgress = {
  /** Offsets of the inputs that are read and committed, of those to read: up to the range's end, or readable now. */
  readonly read: number;
  readonly total: number;
};

export async function replayProgress(
  log: Pick<Log, 'describeTopics' | 'committedOffsets'>,
  definition: Definition,
): Promise<ReplayProgress> {
  const { starts, ends } = definition;
  const described = await log.describeTopics([...new Set(starts.map(({ topic }) => topic))]);
  const committed = await log.committedOffsets(replayGroup(definition), starts);
  let read = 0;
  let total = 0;
  for (const [i, { topic, partition, offset }] of starts.entries()) {
    const bounds = described.find(({ name }) => name === topic)?.offsets[partition];
    const end = ends.find((each) => each.topic === topic && each.partition === partition)?.offset;
    total += Math.max(0, (end ?? bounds?.stable ?? offset) - offset);
    read += Math.max(0, (committed[i]?.offset ?? offset) - offset);
  }
  return { read, total };
}
