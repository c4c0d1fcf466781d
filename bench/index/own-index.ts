import { IvfIndex } from '#models';
import { type Find, K } from './system.ts';

/** The reach that was calibrated is so many settings. */
const CALIBRATED = 1000;

export type OwnIndex = {
  /** The largest setting. */
  readonly settings: number;
  /** Searches with a setting's share of the reach that was calibrated. */
  readonly find: Find;
};

/** A copy of an index whose searches reach as far as asked. */
export function adjustable(built: IvfIndex): OwnIndex {
  // Searches read it again each time.
  const { reach = 0, ...calibration } = built.calibration;
  const asked = { ...calibration, reach };
  const index = IvfIndex.fromParts({ ...built.toParts(), calibration: asked });
  return {
    settings: 2 * CALIBRATED,
    find(query, setting) {
      asked.reach = (reach * setting) / CALIBRATED;
      return index.search(query, K).ids;
    },
  };
}
