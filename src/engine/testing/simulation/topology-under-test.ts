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

/** A record of an output topic. */
export type OutputRecord = { readonly key: string; readonly value: unknown; readonly timestamp: number };

/** What of an output topic is the same in every run, whatever happens and however its inputs interleave. */
export type Comparison =
  /** Each partition's records in their order. */
  | 'sequence'
  | 'sequence-per-key'
  | 'last-per-key'
  /** The records in any order. */
  | 'multiset';

// biome-ignore lint/suspicious/noExplicitAny: topics of all types under test.
export type AnyTopic = Topic<string, any>;

/** A topology with an input to run it on, and what must come of it. */
export type TopologyUnderTest = {
  readonly name: string;
  readonly inputs: readonly AnyTopic[];
  readonly outputs: readonly { readonly topic: AnyTopic; readonly comparison: Comparison }[];
  declare(builder: TopologyBuilder): void;
  /** Records in the order in which they are appended, one behind the other. */
  generate(random: Random): readonly InputRecord[];
  /** Announced on every partition of the inputs that are not compacted, behind the last record; null: nothing is. */
  readonly finalWatermarkMs: number | null;
  /** Stores whose contents depend on how inputs interleave, by `<processor>/<store>`: they are not compared. */
  readonly looseStores?: readonly string[];
  /** What a simple model of the topology says, by output topic: found from the input alone, without the engine. */
  readonly model?: (input: readonly InputRecord[]) => Readonly<Record<string, readonly OutputRecord[]>>;
};
