/** Which copy of a topology answers come from: a record each on topic `swaps`, the newest of which counts. */
import { currentRecords, type Topic, type Topology, textKey } from '#engine';
import type { Log } from '#log';
import { ConfigurationError, InputError } from '#platform';

/** Null stands for the live copy, which has no name. */
export type CopyName = string | null;

export type InForce = {
  /** Name and generation of the live topology, such as `loop-4`. */
  readonly of: string;
  readonly shadow: CopyName;
  /** What is read in place of each topic of the live copy. */
  readonly topics: Readonly<Record<string, string>>;
  /** The code that has made the rows, and that goes on with them: see codeOf. Of the live copy: ''. */
  readonly code: string;
  /** When it was put in force, ms. */
  readonly sinceMs: number;
  /** What a swap back puts in force. */
  readonly previous: CopyName;
  /** Replays that were in force, and until when they are kept up to date, ms. */
  readonly kept: readonly { readonly shadow: string; readonly code: string; readonly untilMs: number }[];
};

const DAY_MS = 86_400_000;

export const swapsTopic: Topic<string, InForce> = {
  name: 'swaps',
  partitions: 1,
  cleanup: { policy: 'compact', tombstoneRetentionMs: DAY_MS },
  key: textKey,
  value: {
    encode: (inForce) => Buffer.from(JSON.stringify(inForce)),
    decode: (bytes) => decoded(bytes),
    prepare: async () => {},
    fingerprint: Buffer.from('swap'),
    framing: 0,
  },
};

export const copyKey = ({ name, generation }: Pick<Topology, 'name' | 'generation'>) =>
  `${name}-${generation}`;

/** By the live topology, those that were swapped at least once. */
export async function readInForce(log: Log): Promise<ReadonlyMap<string, InForce>> {
  const isThere = (await log.describeTopics()).some(({ name }) => name === swapsTopic.name);
  if (!isThere) return new Map();
  const current = await currentRecords(log, swapsTopic, 'by-first');
  return new Map(Array.from(current.values(), ({ value }) => [value.of, value]));
}

/**
 * What a new generation takes over is the live copy's, and so is what it would show. Errors: ConfigurationError
 * MR_SWAP_OTHER_GENERATION where answers come from a replay of an earlier one.
 */
export async function requireOwnGeneration(
  log: Log,
  { name, generation }: Pick<Topology, 'name' | 'generation'>,
): Promise<void> {
  for (const { of, shadow } of (await readInForce(log)).values()) {
    const [, live, found] = /^(.*)-(\d+)$/.exec(of) ?? [];
    if (shadow === null || live !== name || Number(found) === generation) continue;
    const what = `Answers come from ${shadow}, a replay of generation ${found} of ${name}; this release has generation ${generation}.`;
    throw new ConfigurationError('MR_SWAP_OTHER_GENERATION', what, {
      hint: `Start the release of generation ${found}, swap back with "millrace swap ${name} --back", then start this one and replay again.`,
    });
  }
}

/** Topics with those that are read in their place. */
export function topicsInForce<T extends { readonly name: string }>(
  topics: Readonly<Record<string, T>>,
  inForce: ReadonlyMap<string, InForce>,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(topics).map(([key, topic]) => [key, topicInForce(topic, inForce)]),
  );
}

export function topicInForce<T extends { readonly name: string }>(
  topic: T,
  inForce: ReadonlyMap<string, InForce>,
): T {
  for (const { topics } of inForce.values()) {
    const name = topics[topic.name];
    if (name !== undefined) return { ...topic, name };
  }
  return topic;
}

function decoded(bytes: Buffer): InForce {
  try {
    return JSON.parse(bytes.toString()) as InForce;
  } catch (cause) {
    throw new InputError('MR_AVRO_DECODE', 'a record of topic swaps is no JSON', { cause });
  }
}
