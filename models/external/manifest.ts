/**
 * What a model from outside says of itself: `model.json` beside its ONNX graph. Inputs are named by the features that
 * fill them, as views declare them, and the versions of those views; what the graph really wants is compared with it.
 */
import {
  COMMON_FIELDS,
  type CommonFields,
  commonFields,
  fieldsOf,
  listOf,
  numbersOf,
  parseFields,
  shown,
  textOf,
  wrong,
} from './manifest-fields.ts';

/** The kind of model that versions of models from outside name. */
export const EXTERNAL_MODEL = 'external';

const elementTypes = ['float32', 'float64', 'int64', 'string'] as const;
export type ElementType = (typeof elementTypes)[number];

/** One input of the graph: [rows, features.length], or [rows] where there is one feature. */
export type ExternalInput = {
  readonly name: string;
  readonly type: ElementType;
  /** `view.feature`, in the order of the columns. */
  readonly features: readonly string[];
  /** Takes the place of a feature that has no value; NaN, and the empty text, unless the manifest says otherwise. */
  readonly missing: number | string;
};

export type ExternalOutput = {
  readonly name: string;
  readonly type: 'float32' | 'float64';
  /** [rows, columns]; undefined where it is [rows]. */
  readonly columns: number | undefined;
  /** The one that is the score. */
  readonly column: number;
};

export type ExternalManifest = CommonFields & {
  /** The version of each view that the model was trained with. */
  readonly views: Readonly<Record<string, number>>;
  readonly inputs: readonly ExternalInput[];
  readonly output: ExternalOutput;
};

const knownFields = [...COMMON_FIELDS, 'views', 'inputs', 'output'];

/** Errors: InputError MR_MODEL_MANIFEST, which says what is wrong and where. */
export function parseExternalManifest(bytes: Uint8Array): ExternalManifest {
  const manifest = fieldsOf(parseFields(bytes), 'it', knownFields);
  const inputs = listOf(manifest.inputs, 'inputs').map((input, place) =>
    parseInput(input, `inputs[${place}]`),
  );
  if (inputs.length === 0) throw wrong('inputs is empty');
  const names = inputs.map(({ name }) => name);
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice !== undefined) throw wrong(`the input ${twice} appears twice`);
  return {
    ...commonFields(manifest),
    views: numbersOf(manifest.views, 'views', (value) => Number.isInteger(value) && value > 0),
    inputs,
    output: parseOutput(manifest.output),
  };
}

function parseInput(value: unknown, at: string): ExternalInput {
  const input = fieldsOf(value, at, ['name', 'type', 'features', 'missing']);
  const type = elementTypes.find((each) => each === input.type);
  if (type === undefined)
    throw wrong(`${at}.type is ${shown(input.type)}, not one of ${elementTypes.join(', ')}`);
  const features = listOf(input.features, `${at}.features`).map((each) => {
    const feature = textOf(each, `${at}.features`);
    if (!/^[^.]+\.[^.]+$/.test(feature))
      throw wrong(`${at}.features has ${shown(feature)}, not view.feature`);
    return feature;
  });
  if (features.length === 0) throw wrong(`${at}.features is empty`);
  const absent = type === 'string' ? '' : Number.NaN;
  const { missing = absent } = input;
  if (typeof missing !== typeof absent)
    throw wrong(`${at}.missing is ${shown(missing)}, not a value of type ${type}`);
  return { name: textOf(input.name, `${at}.name`), type, features, missing: missing as number | string };
}

function parseOutput(value: unknown): ExternalOutput {
  const output = fieldsOf(value, 'output', ['name', 'type', 'shape', 'column']);
  const { type, column = 0 } = output;
  if (type !== 'float32' && type !== 'float64') {
    throw wrong(`output.type is ${shown(type)}, not float32 or float64`);
  }
  const [rows, columns, ...more] = listOf(output.shape, 'output.shape');
  const isShape = rows === 'rows' && more.length === 0 && (columns === undefined || isCount(columns));
  if (!isShape) throw wrong(`output.shape is ${shown(output.shape)}, not ["rows"] or ["rows", columns]`);
  if (!Number.isInteger(column) || Number(column) < 0 || Number(column) >= Number(columns ?? 1)) {
    throw wrong(`output.column is ${shown(column)}, but the output has ${columns ?? 1} columns`);
  }
  return {
    name: textOf(output.name, 'output.name'),
    type,
    columns: columns as number | undefined,
    column: column as number,
  };
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 0;
}
