import { type FeatureKind, featureViews, recordViews } from '#features';
import type { Column, ColumnSubject, RankingDataset } from '#models';
import type { ExampleView } from '../lesson.ts';

/** A feature that rankers read, and where an example has it. */
export type RankingFeature = {
  /** `view.feature`, as a ranker names it. */
  readonly name: string;
  readonly isText: boolean;
  /** SQL expression over a row of the snapshot's table `examples`. */
  readonly source: string;
  /** Columns of the table that `source` reads. */
  readonly needs: readonly string[];
  /** Undefined where the feature depends on more than one of these, or on time. */
  readonly subject: ColumnSubject | undefined;
};

const NUMBERS: readonly FeatureKind[] = ['long', 'double', 'long?', 'double?'];

/** The fields of examples that hold rows of record views, as of the event. */
const RECORD_FIELDS: Readonly<Record<string, string>> = {
  'user-profile': 'profile',
  'item-profile': 'facts',
};

/** Features that examples hold by what they follow from. */
const DERIVED: readonly RankingFeature[] = [
  {
    name: 'item-profile.age_days',
    isText: false,
    // DuckDB's greatest(0, NULL) is 0.
    source: 'CASE WHEN facts_created IS NOT NULL THEN greatest(0, ts - facts_created) / 86400000 END',
    needs: ['ts', 'facts_created'],
    subject: undefined,
  },
];

/** All features of views that are one number or one text. */
function featuresOf(views: readonly ExampleView[]): readonly RankingFeature[] {
  return views.flatMap(({ name, entity, exampleField, columns: features }) => {
    const field = exampleField ?? RECORD_FIELDS[name];
    return features.flatMap(({ name: feature, kind }): RankingFeature[] => {
      const column = `${field}_${feature}`;
      const isText = kind === 'string?';
      if (!isText && !NUMBERS.includes(kind)) return [];
      return [
        {
          name: `${name}.${feature}`,
          isText,
          source: `"${column}"`,
          needs: [column],
          subject: subjectOf(name, entity),
        },
      ];
    });
  });
}

const OF_THE_PRODUCT: readonly RankingFeature[] = [
  ...featuresOf([...featureViews, ...recordViews]),
  ...DERIVED,
];

/** Those of the product and of modules that can be read from the table `examples` with these columns. */
export function rankingFeatures(
  columns: ReadonlySet<string>,
  modules: readonly ExampleView[],
): readonly RankingFeature[] {
  const all = [...OF_THE_PRODUCT, ...featuresOf(modules)];
  return all.filter(({ needs }) => needs.every((column) => columns.has(column)));
}

/** What rankers may find in a snapshot, beside what views of modules have; the categories of texts are the snapshot's. */
export const rankingColumns: readonly Column[] = OF_THE_PRODUCT.map(({ name, isText }) =>
  isText ? { name, categories: [] } : { name },
);

/** The version of each view that these features are of. */
export function viewVersions(
  features: readonly RankingFeature[],
  modules: readonly ExampleView[],
): Readonly<Record<string, number>> {
  const names = new Set(features.map(({ name }) => name.split('.')[0]));
  const read = [...featureViews, ...modules, ...recordViews].filter(({ name }) => names.has(name));
  return Object.fromEntries(read.map(({ name, version }) => [name, version]));
}

/** Rows of record views change when somebody changes them; those of all others, with every event. */
function subjectOf(view: string, entity: string): ColumnSubject | undefined {
  if (entity === 'user') return 'user';
  return entity === 'item' && recordViews.some(({ name }) => name === view) ? 'catalogue' : undefined;
}

/** By the names of features. */
export function subjectsOf(features: readonly RankingFeature[]): RankingDataset['subjects'] {
  return Object.fromEntries(
    features.flatMap(({ name, subject }) => (subject === undefined ? [] : [[name, subject]])),
  );
}
