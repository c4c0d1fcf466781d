/** An ensemble as bytes of a version's file: a checkpoint with its arrays by name, its columns and its base as JSON. */
import {
  type CheckpointArray,
  decodeCheckpoint,
  encodeCheckpoint,
  type Json,
  unusable,
} from '../checkpoint.ts';
import type { Column, TreeEnsemble } from './ensemble.ts';

export function saveTrees(ensemble: TreeEnsemble): Uint8Array {
  const { columns, base, missingLeft, ...arrays } = ensemble;
  return encodeCheckpoint({
    arrays: new Map<string, CheckpointArray>([
      ...Object.entries(arrays),
      ['missingLeft', Int32Array.from(missingLeft)],
    ]),
    values: { base, columns: columns as Json },
  });
}

/**
 * The ensemble that `saveTrees` wrote. Bytes that are damaged, or whose trees are none (a child that does not stand after
 * its parent or has two, a column, set or category that is not there), are refused with InputError MR_MODEL_CHECKPOINT:
 * what reads an ensemble after that need not check it again.
 */
export function readTrees(bytes: Uint8Array): TreeEnsemble {
  const { arrays, values } = decodeCheckpoint(bytes);
  const { base, columns } = (values ?? {}) as { base?: unknown; columns?: unknown };
  if (typeof base !== 'number' || !areColumns(columns)) throw unusable('it holds no trees');
  const array = <T extends CheckpointArray>(name: string, Kind: new (length: number) => T): T => {
    const found = arrays.get(name);
    if (!(found instanceof Kind)) throw unusable(`${name} is missing or of another type`);
    return found;
  };
  const missingLeft = array('missingLeft', Int32Array);
  const ensemble = {
    columns,
    base,
    roots: array('roots', Int32Array),
    column: array('column', Int32Array),
    threshold: array('threshold', Float32Array),
    left: array('left', Int32Array),
    right: array('right', Int32Array),
    missingLeft: Uint8Array.from(missingLeft),
    value: array('value', Float64Array),
    cover: array('cover', Float64Array),
    gain: array('gain', Float64Array),
    setStarts: array('setStarts', Int32Array),
    categories: array('categories', Int32Array),
  };
  for (const name of ['threshold', 'left', 'right', 'missingLeft', 'value', 'cover', 'gain'] as const) {
    if (ensemble[name].length !== ensemble.column.length) throw unusable(`${name} is not of each node`);
  }
  if (!missingLeft.every((side) => side === 0 || side === 1))
    throw unusable('missingLeft is neither 0 nor 1');
  checkSets(ensemble);
  checkTrees(ensemble);
  return ensemble;
}

function areColumns(value: unknown): value is readonly Column[] {
  if (!Array.isArray(value)) return false;
  return value.every(
    ({ name, categories }: Partial<Column>) =>
      typeof name === 'string' &&
      (categories === undefined ||
        (Array.isArray(categories) && categories.every((each) => typeof each === 'string'))),
  );
}

function checkSets({ setStarts, categories }: TreeEnsemble): void {
  if (setStarts[0] !== 0 || setStarts.at(-1) !== categories.length) throw unusable('setStarts does not fit');
  for (let set = 0; set + 1 < setStarts.length; set++) {
    const [start, end] = [setStarts[set], setStarts[set + 1]] as [number, number];
    if (end < start) throw unusable(`set ${set} ends before its start`);
    for (let i = start; i < end; i++) {
      const least = i === start ? 0 : (categories[i - 1] as number) + 1;
      if ((categories[i] as number) < least) throw unusable(`set ${set} does not ascend`);
    }
  }
}

function checkTrees(ensemble: TreeEnsemble): void {
  const { roots, column, base, value, cover, gain } = ensemble;
  const nodes = column.length;
  if ((roots[0] ?? nodes) !== 0) throw unusable('the first tree does not start at the first node');
  for (let node = 0; node < nodes; node++) {
    if (!Number.isFinite(value[node])) throw unusable(`the value of node ${node} is no number`);
    if (!((cover[node] as number) >= 0) || !Number.isFinite(gain[node])) {
      throw unusable(`the cover or gain of node ${node} is no number`);
    }
  }
  if (!Number.isFinite(base)) throw unusable('the base is no number');
  const parents = new Uint8Array(nodes);
  roots.forEach((root, tree) => {
    const end = roots[tree + 1] ?? nodes;
    if (!(root < end && end <= nodes)) throw unusable(`tree ${tree} does not end after its root`);
    for (let node = root; node < end; node++) {
      if ((parents[node] as number) !== Number(node !== root)) {
        throw unusable(`node ${node} of tree ${tree} has ${parents[node]} parents`);
      }
      if (column[node] === -1) continue;
      checkSplit(ensemble, node);
      for (const child of [ensemble.left[node], ensemble.right[node]] as [number, number]) {
        if (!(child > node && child < end))
          throw unusable(`node ${node} of tree ${tree} has the child ${child}`);
        parents[child] = Math.min(2, (parents[child] as number) + 1);
      }
    }
  });
}

function checkSplit(ensemble: TreeEnsemble, node: number): void {
  const { columns, column, threshold, value, setStarts, categories } = ensemble;
  const by = columns[column[node] as number];
  if (by === undefined) throw unusable(`node ${node} splits by column ${column[node]}`);
  if (value[node] !== 0) throw unusable(`node ${node} has a value and children`);
  const limit = threshold[node] as number;
  if (by.categories === undefined) {
    if (Number.isNaN(limit)) throw unusable(`the threshold of node ${node} is no number`);
    return;
  }
  if (!(Number.isInteger(limit) && limit >= 0 && limit + 1 < setStarts.length)) {
    throw unusable(`node ${node} splits by set ${limit}`);
  }
  const [start, end] = [setStarts[limit], setStarts[limit + 1]] as [number, number];
  if (end > start && (categories[end - 1] as number) >= by.categories.length) {
    throw unusable(`node ${node} splits by category ${categories[end - 1]} of ${by.categories.length}`);
  }
}
