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
  const bytes = files[RANKER_FILE];
  try {
    const described = JSON.parse(Buffer.from(bytes ?? []).toString()) as Described;
    if (described.format === 1) {
      const { calibrator } = described;
      return { ...described, calibrator: calibrator && parseCalibrator(calibrator) };
    }
  } catch {
    // As one of another format.
  }
  throw new FatalError('MR_MODEL_UNREADABLE', `${RANKER_FILE} does not describe a ranker of format 1.`, {
    hint: 'Fetch the version again, or train a ranker.',
  });
}
