/**
 * The declaration of a feature view, and what follows from it. A view has one state for each key (a user, an item, a
 * user and a category), which is a record of named aggregations and thus an aggregation itself: commutative, exact,
 * canonical. The topic of the view carries the state; one `finish(state, now)` makes the feature row of it, the same
 * function in the responder, in examples, in SQL and in replay.
 */
import { createHash } from 'node:crypto';
import { FatalError, invariant } from '#platform';
import type { Interaction } from '#schemas';
import type { Aggregation } from './aggregation.ts';
import { CanonicalReader, CanonicalWriter, compareBytewise } from './encoding.ts';
import type { LastingRow, MovingFeature } from './lasting-row.ts';
import { type FeatureColumn, featureColumns, type RowOf, type RowSpec } from './row.ts';

/** What a row is of. Crossed ones are keyed by `crossKey`. */
export type Entity = 'user' | 'item' | 'user-category' | 'user-item';

type Part = Aggregation<unknown, Interaction, unknown>;
type Aggregations = Readonly<Record<string, Part>>;
/** The state of each aggregation by its name. */
export type StatesOf<A extends Aggregations> = { [Name in keyof A]: ReturnType<A[Name]['empty']> };
/** What each aggregation's `finish` gives, by its name. */
export type ValuesOf<A extends Aggregations> = {
  readonly [Name in keyof A]: ReturnType<A[Name]['finish']>;
};

/** What every view says of itself. */
export type ViewDescription = {
  /** Lower-case words joined by hyphens: it becomes part of names of topics and stores. */
  readonly name: string;
  /** To be raised with every change of what the state's bytes mean. States of another version are refused. */
  readonly version: number;
  readonly entity: Entity;
  /** Who answers for the meaning of the features. */
  readonly owner: string;
  readonly description: string;
  readonly tags: readonly string[];
  /** The field of Example that holds the view's row. Absent: examples do not have it. */
  readonly exampleField?: string;
};

export type ViewDeclaration<A extends Aggregations, R extends RowSpec> = ViewDescription & {
  /** Which accepted events belong to the view. */
  filter(event: Interaction): boolean;
  /** The key of an event that passed the filter. */
  key(event: Interaction): string;
  readonly aggregations: A;
  readonly row: R;
  /** The time of what is newest in a state, ms of event time: `ttl`s and freshness count from it. Null for an empty one. */
  updated(values: ValuesOf<A>): number | null;
  /** A state that has not been updated for this long reads as an empty one. Null: it never expires. */
  readonly ttlMs: number | null;
  /** Single features that fall back to what an empty state gives when the state has not been updated for this long. */
  readonly featureTtlMs?: { readonly [F in keyof R]?: number };
  finish(values: ValuesOf<A>, now: number): RowOf<R>;
  /**
   * The features that change with every moment, where it is known of all others that they change with the state or when an
   * aggregation says so (`changesAt`): then readers may keep rows (lasting-row.ts).
   */
  readonly moving?: readonly MovingFeature<StatesOf<A>>[];
};

/** A view as processors and readers use it. `add`, `merge` and `finish` obey the contract of Aggregation. */
export type FeatureView<State, Row> = ViewDescription & {
  readonly columns: readonly FeatureColumn[];
  readonly ttlMs: number | null;
  readonly featureTtlMs: { readonly [feature: string]: number };
  /** SHA-256 of what the row is and how long it holds, hexadecimal: two builds that agree on it agree on the row's shape. */
  readonly declaration: string;
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
  /** The feature row at time `now`, ms of the world's clock, with what has expired by then at its default. */
  finish(state: State, now: number): Row;
  /** As `finish`, with what a reader wants to know of the row beside its features. */
  read(state: State, now: number): FeatureReading<Row>;
  /** How its rows are kept; absent where they are finished for each reading: where they expire, and where nobody said how. */
  readonly lasting?: LastingRow<State>;
  /** The same view with other ttls of features, ms. Every name must be one of a feature. */
  withFeatureTtls(ttls: { readonly [feature: string]: number }): FeatureView<State, Row>;
};

export type FeatureReading<Row> = {
  readonly row: Row;
  /** Event time of what is newest in it; null for the row of an empty state. */
  readonly updated: number | null;
  /** Features at their default because they had expired. */
  readonly expired: readonly string[];
};

/** A view of any kind, where its rows are only passed on. */
// biome-ignore lint/suspicious/noExplicitAny: states and rows of a set of views are heterogeneous.
export type AnyView = FeatureView<any, any>;

/** Builds the view. The bytes of a state are the version, then each aggregation's in bytewise order of the names. */
export function defineView<A extends Aggregations, const R extends RowSpec>(
  declaration: ViewDeclaration<A, R>,
): FeatureView<StatesOf<A>, RowOf<R>> {
  const { name, version } = declaration;
  invariant(/^[a-z]+(-[a-z]+)*$/.test(name), 'the name of a view is lower-case words joined by hyphens');
  invariant(Number.isSafeInteger(version) && version > 0, 'the version of a view is a positive integer');
  return build(declaration, (declaration.featureTtlMs ?? {}) as Readonly<Record<string, number>>);
}

function build<A extends Aggregations, R extends RowSpec>(
  declaration: ViewDeclaration<A, R>,
  featureTtlMs: Readonly<Record<string, number>>,
): FeatureView<StatesOf<A>, RowOf<R>> {
  const { name, version, entity, owner, description, tags, exampleField, aggregations, ttlMs, moving } =
    declaration;
  type State = Record<string, unknown>;
  type Row = RowOf<R>;
  const columns = featureColumns(declaration.row);
  const names = Object.keys(aggregations).sort(compareBytewise);
  const parts = names.map((part) => aggregations[part] as Part);
  /** Copied for each record: a field that is there already is set faster than one is added. */
  const shape: State = Object.fromEntries(names.map((part) => [part, undefined]));
  const recordOf = (field: (part: Part, name: string) => unknown): State => {
    const record = { ...shape };
    for (let i = 0; i < parts.length; i++) {
      const part = names[i] as string;
      record[part] = field(parts[i] as Part, part);
    }
    return record;
  };
  const valuesOf = (state: State, now: number) =>
    recordOf((part, name) => part.finish(state[name], now)) as ValuesOf<A>;
  const writer = new CanonicalWriter();
  const none = recordOf((part) => part.empty());
  const expiring = Object.entries(featureTtlMs) as (readonly [keyof Row & string, number])[];
  const defaults = (now: number): Row => declaration.finish(valuesOf(none, now), now);
  const isExpired = (updated: number | null, now: number): boolean =>
    updated !== null && ttlMs !== null && now - updated > ttlMs;
  /** The row of values that have not expired as a whole. */
  const rowOf = (values: ValuesOf<A>, updated: number | null, now: number): Row => {
    const row = declaration.finish(values, now);
    if (updated === null) return row;
    let fallback: Row | undefined;
    for (const [feature, ms] of expiring) {
      if (now - updated <= ms) continue;
      fallback ??= defaults(now);
      row[feature] = fallback[feature];
    }
    return row;
  };

  const view: FeatureView<State, Row> = {
    name,
    version,
    entity,
    owner,
    description,
    tags,
    ...(exampleField !== undefined && { exampleField }),
    columns,
    ttlMs,
    featureTtlMs,
    declaration: createHash('sha256')
      .update(JSON.stringify([name, version, entity, columns, names, ttlMs, featureTtlMs]))
      .digest('hex'),
    filter: declaration.filter,
    key: declaration.key,
    empty: () => recordOf((part) => part.empty()),
    add: (state, event) => {
      for (let i = 0; i < parts.length; i++) {
        const part = names[i] as string;
        state[part] = parts[i]?.add(state[part], event);
      }
      return state;
    },
    merge: (a, b) => recordOf((part, name) => part.merge(a[name], b[name])),
    encode: (state) => {
      writer.reset();
      writer.unsigned(version);
      for (let i = 0; i < parts.length; i++) parts[i]?.encode(writer, state[names[i] as string]);
      return writer.take();
    },
    decode: (bytes) => {
      const reader = new CanonicalReader(bytes);
      const written = reader.unsigned();
      if (written !== version) throw otherVersion(name, version, written);
      const state = recordOf((part) => part.decode(reader));
      reader.end();
      return state;
    },
    finish: (state, now) => {
      const values = valuesOf(state, now);
      const updated = declaration.updated(values);
      return isExpired(updated, now) ? defaults(now) : rowOf(values, updated, now);
    },
    read: (state, now) => {
      const values = valuesOf(state, now);
      const updated = declaration.updated(values);
      if (isExpired(updated, now)) {
        return { row: defaults(now), updated, expired: columns.map((column) => column.name) };
      }
      const ageMs = now - (updated ?? now);
      const expired = expiring.flatMap(([feature, ms]) => (ageMs > ms ? feature : []));
      return { row: rowOf(values, updated, now), updated, expired };
    },
    ...(moving !== undefined &&
      ttlMs === null &&
      expiring.length === 0 && {
        lasting: {
          moving: moving as unknown as readonly MovingFeature<State>[],
          changesAt: (state: State, now: number) =>
            parts.reduce(
              (first, part, i) =>
                Math.min(first, part.changesAt?.(state[names[i] as string], now) ?? Number.POSITIVE_INFINITY),
              Number.POSITIVE_INFINITY,
            ),
        },
      }),
    withFeatureTtls: (ttls) => {
      const unknown = Object.keys(ttls).find((feature) => !(feature in declaration.row));
      invariant(unknown === undefined, 'a ttl is given for a feature that the view does not have');
      return build(declaration, { ...featureTtlMs, ...ttls }) as unknown as FeatureView<State, Row>;
    },
  };
  return view as FeatureView<StatesOf<A>, Row>;
}

function otherVersion(view: string, expected: number, found: number): FatalError {
  return new FatalError(
    'MR_FEATURES_STATE_VERSION',
    `a state of view ${view} has version ${found}, this build reads version ${expected}`,
    { hint: 'Rebuild the view from its source topic under a new generation.' },
  );
}
