/** The files of a version whose trees rank. */
import { FatalError } from '#platform';
import type { VersionContents } from '../../artifact/port.ts';
import { type Calibrator, parseCalibrator } from '../../calibration/calibrator.ts';
import type { RetrievalModel } from '../../model.ts';
import type { RankingDataset } from '../../ranking/dataset.ts';
import type { RankerInputs } from '../../ranking/port.ts';
import type { Column } from '../ensemble.ts';

export const TREES_FILE = 'ranker.trees';
export const RANKER_FILE = 'ranker.json';

/** Read in training alone: what is higher up is taken more often, whatever it is. Answers are scored as if all were first. */
export const POSITION: Column = { name: 'position' };

/** The column of a base model's scores. */
export const scoreColumn = (base: string): Column => ({ name: `score.${base}` });

/** What a base model's own file is called in the version. */
export const baseFile = (base: string, name: string): string => `base-${base}-${name}`;

type Described = RankerInputs & {
  readonly format: 1;
  readonly bases: readonly string[];
  /** Makes chances of the trees' scores; null where they stay what they are. */
  readonly calibrator: Calibrator | null;
};

/** Each feature in an input of its own. */
export function describeRanker(
  { train: { columns }, views }: RankingDataset,
  {
    bases,
    calibrator,
  }: { readonly bases: readonly RetrievalModel[]; readonly calibrator: Calibrator | null },
): Uint8Array {
  const described: Described = {
    format: 1,
    views,
    inputs: columns.map(({ name, categories }) => {
      return { type: categories === undefined ? 'float64' : 'string', features: [name] };
    }),
    bases: bases.map(({ name }) => name),
    calibrator,
  };
  return Buffer.from(`${JSON.stringify(described)}\n`);
}

/** Errors: FatalError MR_MODEL_UNREADABLE. */
export function readDescription(files: VersionContents): Described {
  try {
    const described = JSON.parse(Buffer.from(readFile(files, RANKER_FILE)).toString()) as Described;
    const { calibrator, bases } = described;
    if (described.format === 1 && Array.isArray(bases) && areInputs(described.inputs)) {
      return { ...described, calibrator: calibrator === null ? null : parseCalibrator(calibrator) };
    }
  } catch {
    // As one of another format.
  }
  throw unreadable(`${RANKER_FILE} does not describe a ranker of format 1`);
}

/** Errors: FatalError MR_MODEL_UNREADABLE. */
export function readFile(files: VersionContents, name: string): Uint8Array {
  const bytes = files[name];
  if (bytes === undefined) throw unreadable(`There is no ${name}`);
  return bytes;
}

/** Refuses trees that are not of what the description says, or of other base models: MR_MODEL_UNREADABLE. */
export function checkColumns(
  { inputs, bases }: Described,
  models: readonly RetrievalModel[],
  columns: readonly Column[],
): void {
  const expected = [
    ...inputs.flatMap(({ features }) => features),
    ...models.map(({ name }) => scoreColumn(name).name),
    POSITION.name,
  ];
  const found = columns.map(({ name }) => name);
  const isOfModels = bases.length === models.length && models.every(({ name }, i) => name === bases[i]);
  if (isOfModels && JSON.stringify(found) === JSON.stringify(expected)) return;
  throw unreadable(`${TREES_FILE} has other columns than ${RANKER_FILE} and the model say`);
}

function areInputs(inputs: unknown): boolean {
  const isInput = (input: Partial<Described['inputs'][number]> | null) =>
    Array.isArray(input?.features) && input.features.every((feature) => typeof feature === 'string');
  return Array.isArray(inputs) && inputs.every(isInput);
}

function unreadable(what: string): FatalError {
  return new FatalError('MR_MODEL_UNREADABLE', `${what}.`, {
    hint: 'Fetch the version again, or train a ranker.',
  });
}
