import type { TreeEnsemble } from '../ensemble.ts';
import { readTrees, saveTrees } from '../storage.ts';

/** An ensemble as JSON has it. */
export type PlainEnsemble = {
  readonly [name in keyof TreeEnsemble]: TreeEnsemble[name] extends ArrayLike<number>
    ? readonly number[]
    : TreeEnsemble[name];
};

/** The ensemble in typed arrays, checked as one that is read from a file is. */
export function ensembleFrom(plain: PlainEnsemble): TreeEnsemble {
  return readTrees(
    saveTrees({
      columns: plain.columns,
      base: plain.base,
      roots: Int32Array.from(plain.roots),
      column: Int32Array.from(plain.column),
      threshold: Float32Array.from(plain.threshold),
      left: Int32Array.from(plain.left),
      right: Int32Array.from(plain.right),
      missingLeft: Uint8Array.from(plain.missingLeft),
      value: Float64Array.from(plain.value),
      cover: Float64Array.from(plain.cover),
      gain: Float64Array.from(plain.gain),
      setStarts: Int32Array.from(plain.setStarts),
      categories: Int32Array.from(plain.categories),
    }),
  );
}
