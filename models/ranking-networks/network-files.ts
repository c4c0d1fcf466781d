/** The files of a version whose network ranks, beside the graphs and tables of the network. */
import type { VersionContents } from '../artifact/port.ts';
import { type Calibrator, calibrate, parseCalibrator } from '../calibration/calibrator.ts';
import { type Checkpoint, decodeCheckpoint } from '../checkpoint.ts';
import type { ItemRanker, ListScorer, RankerInputs } from '../ranking/port.ts';
import { unreadable, unsealed } from './sealed-files.ts';

const DESCRIPTION_FILE = 'ranker.json';

type Described<Network> = RankerInputs & {
  readonly format: 1;
  /** Makes chances of the scores; null where they stay what they are. */
  readonly calibrator: Calibrator | null;
  /** What the model itself has to say of its files. */
  readonly network: Network;
};

export function described<Network>(description: Omit<Described<Network>, 'format'>): VersionContents {
  return { [DESCRIPTION_FILE]: Buffer.from(`${JSON.stringify({ format: 1, ...description })}\n`) };
}

/** Opens the network of a version by what its description says of it. */
type OpenNetwork<Network> = (
  network: Network,
  files: { readonly read: (name: string) => Uint8Array; readonly checkpoint: (name: string) => Checkpoint },
  inputs: RankerInputs['inputs'],
) => Promise<ListScorer>;

/** Errors: FatalError MR_MODEL_UNREADABLE for files that are not as they were written. */
export async function openNetwork<Network>(
  files: VersionContents,
  open: OpenNetwork<Network>,
  { asItScores = false }: { readonly asItScores?: boolean } = {},
): Promise<ItemRanker> {
  const read = unsealed(files);
  const { inputs, views, calibrator: fitted, network } = descriptionOf<Network>(read(DESCRIPTION_FILE));
  const checkpoint = (name: string) => {
    try {
      return decodeCheckpoint(read(name));
    } catch (cause) {
      throw unreadable(`${name} can't be read`, cause);
    }
  };
  const calibrator = asItScores ? null : fitted;
  const scorer = await open(network, { read, checkpoint }, inputs);
  return {
    inputs,
    views,
    givesChances: calibrator !== null,
    async score(query) {
      const scores = await scorer.score(query);
      return calibrator === null ? scores : scores.map((score) => calibrate(calibrator, score));
    },
    close: () => scorer.close(),
  };
}

function descriptionOf<Network>(bytes: Uint8Array): Described<Network> {
  try {
    const found = JSON.parse(Buffer.from(bytes).toString()) as Described<Network>;
    if (found.format === 1) {
      return { ...found, calibrator: found.calibrator === null ? null : parseCalibrator(found.calibrator) };
    }
  } catch {
    // As one of another format.
  }
  throw unreadable(`${DESCRIPTION_FILE} does not describe a ranker of format 1`);
}
