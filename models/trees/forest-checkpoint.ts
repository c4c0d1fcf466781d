import { type Checkpoint, type CheckpointArray, unusable } from '../checkpoint.ts';
import type { TreeEnsemble } from './ensemble.ts';
import type { Tree } from './tree.ts';

/** The arrays of an ensemble by name. A checkpoint has no bytes. */
export function forestArrays(ensemble: TreeEnsemble): Map<string, CheckpointArray> {
  const { roots, column, threshold, left, right, value, cover, gain, setStarts, categories } = ensemble;
  const missingLeft = Int32Array.from(ensemble.missingLeft);
  return new Map(
    Object.entries({
      ...{ roots, column, threshold, left, right, missingLeft, value, cover, gain, setStarts, categories },
    }),
  );
}

/** The trees of a checkpoint that `forestArrays` is in: MR_MODEL_CHECKPOINT where it is not. */
export function treesFrom({ arrays }: Checkpoint, isCategorical: readonly boolean[]): Tree[] {
  const array = (name: string): CheckpointArray => {
    const found = arrays.get(name);
    if (found === undefined) throw unusable(`it has no ${name} of trees`);
    return found;
  };
  const [roots, column, setStarts] = [array('roots'), array('column'), array('setStarts')];
  const [threshold, left, right] = [array('threshold'), array('left'), array('right')];
  const [missingLeft, value, cover, gain] = [
    array('missingLeft'),
    array('value'),
    array('cover'),
    array('gain'),
  ];
  const categories = array('categories') as Int32Array;
  return Array.from(roots, (root, t) => {
    const sets: Int32Array[] = [];
    const end = roots[t + 1] ?? column.length;
    const nodes = Array.from({ length: end - root }, (_, n) => {
      const at = root + n;
      const isSplit = (column[at] as number) >= 0;
      const node = {
        column: column[at] as number,
        threshold: threshold[at] as number,
        left: isSplit ? (left[at] as number) - root : -1,
        right: isSplit ? (right[at] as number) - root : -1,
        missingLeft: missingLeft[at] as number,
        value: value[at] as number,
        cover: cover[at] as number,
        gain: gain[at] as number,
      };
      if (!isSplit || isCategorical[node.column] !== true) return node;
      const set = node.threshold;
      return {
        ...node,
        threshold: sets.push(categories.slice(setStarts[set] as number, setStarts[set + 1] as number)) - 1,
      };
    });
    return { nodes, sets };
  });
}
