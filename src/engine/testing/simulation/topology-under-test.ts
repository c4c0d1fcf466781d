import type { Topic } from '../../serde.ts';
import type { TopologyBuilder } from '../../topology/builder.ts';
import type { Random } from './random.ts';

/** A record for an input topic; its value is given as the topic's serde takes it, or as bytes that it can't decode. */
export type InputRecord = {
  readonly topic: string;
  readonly key: string | null;
  readonly value: unknown;
  readonly timestamp: number;
};

/** A producer's word on one partition that nothing before `announceMs` will follow. */
export type Announcement = {
  readonly topic: string;
  readonly partition: number;
  readonly announceMs: number;
};
export type Input = readonly (InputRecord | Announcement)[];

/** The records of an input, without its announcements. */
export function recordsOf(input: Input): InputRecord[] {
  return input.filter((each) => !('announceMs' in each)) as InputRecord[];
}

/** A record of an output topic. */
export type OutputRecord = { readonly key: string; readonly value: unknown; readonly timestamp: number };

/** What of an output topic is the same in every run, whatever happens and however its inputs interleave. */
export type Comparison =
  /** Each partition's records in their order. */
  | 'sequence'
  | 'sequence-per-key'
  | 'last-per-key'
  /** The same without its timestamp. */
  | 'last-value-per-key'
  /** The records in any order. */
  | 'multiset';

// biome-ignore lint/suspicious/noExplicitAny: topics of all types under test.
export type AnyTopic = Topic<any, any>;

/** See TopologyUnderTest.model. */
export const DEAD_LETTERS = 'dead-letters';

/** A topology with an input to run it on, and what must come of it. */
export type TopologyUnderTest = {
  readonly name: string;
  readonly inputs: readonly AnyTopic[];
  readonly outputs: readonly { readonly topic: AnyTopic; readonly comparison: Comparison }[];
  declare(builder: TopologyBuilder): void;
  /** Records in the order in which they are appended, one behind the other. */
  generate(random: Random): Input;
  /** Announced on every partition of the inputs that are not compacted, behind the last record; null: nothing is. */
  readonly finalWatermarkMs: number | null;
  /** Stores whose contents depend on how inputs interleave, by `<processor>/<store>`: they are not compared. */
  readonly looseStores?: readonly string[];
  /**
   * What a simple model of the topology says, by output topic: found from the input alone, without the engine. Under
   * DEAD_LETTERS, by `<topic>/<partition>@<offset>`, the reasons of dead letters.
   */
  readonly model?: (input: Input) => Readonly<Record<string, readonly OutputRecord[]>>;
};
