/**
 * The declaration of a feature view, and what follows from it. A view has one state for each key (a user, an item),
 * which is a record of named aggregations and thus an aggregation itself: commutative, exact, canonical. The topic
 * of the view carries the state; one `finish(state, now)` makes the feature row of it, the same function in the
 * responder, in examples and in replay.
 */
import { FatalError, invariant } from '#platform';
import type { Interaction } from '#schemas';
import type { Aggregation } from './aggregation.ts';
import { CanonicalReader, CanonicalWriter, compareBytewise } from './encoding.ts';

export type Entity = 'user' | 'item';

type Aggregations = Readonly<Record<string, Aggregation<unknown, Interaction, unknown>>>;
/** The state of each aggregation by its name. */
export type StatesOf<A extends Aggregations> = { [Name in keyof A]: ReturnType<A[Name]['empty']> };
/** What each aggregation's `finish` gives, by its name. */
export type ValuesOf<A extends Aggregations> = {
  readonly [Name in keyof A]: ReturnType<A[Name]['finish']>;
};

export type ViewDeclaration<A extends Aggregations, Row> = {
  /** Lower-case words joined by hyphens: it becomes part of names of topics and stores. */
  readonly name: string;
  /** To be raised with every change of what the state's bytes mean. States of another version are refused. */
  readonly version: number;
  readonly entity: Entity;
  /** Who answers for the meaning of the features. */
  readonly owner: string;
  readonly description: string;
  /** Which events belong to the view. */
  filter(event: Interaction): boolean;
  /** The key of an event that passed the filter. */
  key(event: Interaction): string;
  readonly aggregations: A;
  /** A state whose `lastActive` time lies more than `ms` before now reads as an empty one. Null: it never expires. */
  readonly ttl: { readonly ms: number; lastActive(values: ValuesOf<A>): number | null } | null;
  finish(values: ValuesOf<A>, now: number): Row;
};

/** A view as processors and readers use it. `add`, `merge` and `finish` obey the contract of Aggregation. */
export type FeatureView<State, Row> = {
  readonly name: string;
  readonly version: number;
  readonly entity: Entity;
  readonly owner: string;
  readonly description: string;
  readonly ttlMs: number | null;
  filter(event: Interaction): boolean;
  key(event: Interaction): string;
  empty(): State;
  /** Takes events that passed the filter. May change `state`; the result takes its place. */
  add(state: State, event: Interaction): State;
  merge(a: State, b: State): State;
  /** The canonical bytes: equal states, equal bytes. */
  encode(state: State): Buffer;
  /** Throws MR_FEATURES_STATE_VERSION or MR_FEATURES_STATE_MALFORMED. */
  decode(bytes: Buffer): State;
  /** The feature row at time `now`, ms of the world's clock; the row of an empty state once the ttl has passed. */
  finish(state: State, now: number): Row;
};

/** Builds the view. The bytes of a state are the version, then each aggregation's in bytewise order of the names. */
export function defineView<A extends Aggregations, Row>(
  declaration: ViewDeclaration<A, Row>,
): FeatureView<StatesOf<A>, Row> {
  const { name, version, entity, owner, description, ttl, aggregations } = declaration;
  invariant(/^[a-z]+(-[a-z]+)*$/.test(name), 'the name of a view is lower-case words joined by hyphens');
  invariant(Number.isSafeInteger(version) && version > 0, 'the version of a view is a positive integer');
  type State = Record<string, unknown>;
  const names = Object.keys(aggregations).sort(compareBytewise);
  const parts = names.map((part) => aggregations[part] as Aggregation<unknown, Interaction, unknown>);
  const writer = new CanonicalWriter();

  const collect = (
    make: (part: Aggregation<unknown, Interaction, unknown>, name: string) => unknown,
  ): State => {
    const record: State = {};
    for (let i = 0; i < parts.length; i++) {
      const partName = names[i] as string;
      record[partName] = make(parts[i] as Aggregation<unknown, Interaction, unknown>, partName);
    }
    return record;
  };
  const empty = () => collect((part) => part.empty());
  const valuesOf = (state: State, now: number) =>
    collect((part, partName) => part.finish(state[partName], now)) as ValuesOf<A>;

  const view: FeatureView<State, Row> = {
    name,
    version,
    entity,
    owner,
    description,
    ttlMs: ttl?.ms ?? null,
    filter: declaration.filter,
    key: declaration.key,
    empty,
    add: (state, event) => {
      for (let i = 0; i < parts.length; i++) {
        const partName = names[i] as string;
        state[partName] = (parts[i] as Aggregation<unknown, Interaction, unknown>).add(
          state[partName],
          event,
        );
      }
      return state;
    },
    merge: (a, b) => collect((part, partName) => part.merge(a[partName], b[partName])),
    encode: (state) => {
      writer.reset();
      writer.unsigned(version);
      for (let i = 0; i < parts.length; i++) {
        (parts[i] as Aggregation<unknown, Interaction, unknown>).encode(writer, state[names[i] as string]);
      }
      return writer.take();
    },
    decode: (bytes) => {
      const reader = new CanonicalReader(bytes);
      const written = reader.unsigned();
      if (written !== version) throw otherVersion(name, version, written);
      const state = collect((part) => part.decode(reader));
      reader.end();
      return state;
    },
    finish: (state, now) => {
      const values = valuesOf(state, now);
      const lastActive = ttl?.lastActive(values) ?? null;
      const expired = ttl !== null && lastActive !== null && now - lastActive > ttl.ms;
      return declaration.finish(expired ? valuesOf(empty(), now) : values, now);
    },
  };
  return view as FeatureView<StatesOf<A>, Row>;
}

function otherVersion(view: string, expected: number, found: number): FatalError {
  return new FatalError(
    'MR_FEATURES_STATE_VERSION',
    `a state of view ${view} has version ${found}, this build reads version ${expected}`,
    { hint: 'Build the view again from its source topic under a new generation.' },
  );
}
