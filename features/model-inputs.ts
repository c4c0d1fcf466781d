import type { ElementType, RankerInputs } from '#models';
import { InputError } from '#platform';
import { featureViews, recordViews } from './catalogue.ts';
import type { FeatureColumn, FeatureKind } from './row.ts';
import type { AnyView } from './view.ts';

type DeclaredView = Pick<AnyView, 'name' | 'version' | 'columns'>;

/** One feature of a model's inputs, as it is read. */
export type InputFeature = {
  readonly view: string;
  readonly feature: string;
  /** A text; a number otherwise. */
  readonly isText: boolean;
};

/** What each element type can hold; text and lists are no numbers. */
const fitting: Readonly<Record<ElementType, readonly FeatureKind[]>> = {
  float32: ['long', 'double', 'long?', 'double?'],
  float64: ['long', 'double', 'long?', 'double?'],
  int64: ['long', 'long?'],
  string: ['string?'],
};

/**
 * The features that a model that ranks reads, in the order of its inputs and their columns. Errors: InputError
 * MR_MODEL_FEATURE for one that no view declares, of another version of its view than the model was trained with, or of a
 * kind that the input can't hold.
 */
export function modelFeatures(
  { inputs, views }: RankerInputs,
  declared: readonly DeclaredView[] = [...featureViews, ...recordViews],
): readonly InputFeature[] {
  return inputs.flatMap(({ features, type }) =>
    features.map((name) => {
      const [view = '', feature = ''] = name.split('.');
      const { kind } = columnOf(view, feature, views[view], declared);
      if (fitting[type].includes(kind)) return { view, feature, isText: type === 'string' };
      throw wrong(
        `${name} is ${kind}, which an input of type ${type} can't hold`,
        'Choose another feature or type.',
      );
    }),
  );
}

function columnOf(
  name: string,
  feature: string,
  version: number | undefined,
  declared: readonly DeclaredView[],
): FeatureColumn {
  const views = declared.filter((each) => each.name === name);
  if (views.length === 0) {
    const names = [...new Set(declared.map((each) => each.name))].sort().join(', ');
    throw wrong(`it reads ${feature}, but no view ${name} is declared`, `There are: ${names}.`);
  }
  if (version === undefined) {
    throw wrong(
      `it reads ${name}.${feature} without stating the version of the view`,
      `Give it in the manifest, such as "views": { "${name}": ${views.at(-1)?.version} }.`,
    );
  }
  const view = views.find((each) => each.version === version);
  if (view === undefined) {
    const versions = views.map((each) => each.version).join(', ');
    throw wrong(
      `it was trained with version ${version} of ${name}; the declared version is ${versions}`,
      'Retrain it on the features of this version.',
    );
  }
  const column = view.columns.find((each) => each.name === feature);
  if (column !== undefined) return column;
  const names = view.columns.map((each) => each.name).join(', ');
  throw wrong(`version ${version} of ${name} has no feature ${feature}`, `It has ${names}.`);
}

function wrong(problem: string, hint: string): InputError {
  return new InputError('MR_MODEL_FEATURE', `The model can't be used: ${problem}.`, { hint });
}
