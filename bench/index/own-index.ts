import { IvfIndex } from '#models';
import { type Find, K } from './system.ts';

export type OwnIndex = {
  /** The most that can be looked through. */
  readonly lists: number;
  /** Looks through as many lists as the setting says. */
  readonly find: Find;
};

/** A copy of an index whose searches look through as many lists as asked. */
export function adjustable(built: IvfIndex): OwnIndex {
  const parts = built.toParts();
  // Searches read it again each time.
  const calibration = { ...built.calibration, depths: [] };
  const index = IvfIndex.fromParts({ ...parts, calibration });
  return {
    lists: parts.listSizes.length,
    find(query, setting) {
      calibration.nprobe = setting;
      return index.search(query, K).ids;
    },
  };
}
