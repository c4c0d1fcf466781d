/**
 * What a feature row is, said once. The types of its features in the declaration give the row's TypeScript type, its
 * Avro schema (`npm run generate` writes it down) and its columns in SQL.
 */

type Kinds = {
  long: number;
  double: number;
  'long?': number | null;
  'double?': number | null;
  'string?': string | null;
  'string[]': string[];
  'long[]': number[];
  'double[]': number[];
};

export type FeatureKind = keyof Kinds;

export type FeatureSpec = FeatureKind | { readonly kind: FeatureKind; readonly doc: string };

/** The features of a row by name, in the order in which rows show them. */
export type RowSpec = { readonly [feature: string]: FeatureSpec };

type KindOf<S extends FeatureSpec> = S extends FeatureKind ? S : S extends { kind: infer K } ? K : never;

/** The row that a declaration describes. */
export type RowOf<R extends RowSpec> = {
  -readonly [F in keyof R]: KindOf<R[F]> extends FeatureKind ? Kinds[KindOf<R[F]>] : never;
};

/** One feature, as schemas, SQL and people see it. */
export type FeatureColumn = {
  readonly name: string;
  readonly kind: FeatureKind;
  readonly doc: string | null;
};

export function featureColumns(row: RowSpec): readonly FeatureColumn[] {
  return Object.entries(row).map(([name, spec]) =>
    typeof spec === 'string' ? { name, kind: spec, doc: null } : { name, kind: spec.kind, doc: spec.doc },
  );
}

const avro: Readonly<Record<FeatureKind, { type: unknown; default: unknown }>> = {
  long: { type: 'long', default: 0 },
  double: { type: 'double', default: 0 },
  'long?': { type: ['null', 'long'], default: null },
  'double?': { type: ['null', 'double'], default: null },
  'string?': { type: ['null', 'string'], default: null },
  'string[]': { type: { type: 'array', items: 'string' }, default: [] },
  'long[]': { type: { type: 'array', items: 'long' }, default: [] },
  'double[]': { type: { type: 'array', items: 'double' }, default: [] },
};

/** The name of the Avro record of a view's rows: UserFeatures of user-features. */
export function rowRecordName(view: string): string {
  return view.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The Avro record of the row. Every field has a default, so that a feature can be added to rows that are written. */
export function rowSchema(columns: readonly FeatureColumn[], name: string, doc: string): object {
  const fields = columns.map((column) => ({
    name: column.name,
    type: avro[column.kind].type,
    ...(column.doc !== null && { doc: column.doc }),
    default: avro[column.kind].default,
  }));
  return { type: 'record', name, namespace: 'millrace', doc, fields };
}
