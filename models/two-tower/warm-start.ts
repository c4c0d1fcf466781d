import { FatalError } from '#platform';
import type { ManifestFile, VersionFiles } from '../artifact/port.ts';
import { type CheckpointArray, decodeCheckpoint, WEIGHTS_FILE } from '../checkpoint.ts';
import type { Dataset } from '../dataset.ts';
import { IdTable } from '../id-table.ts';
import { VOCABULARY_FILE } from '../serving/port.ts';
import type { Training } from '../training.ts';
import { type DictionaryName, Vocabulary } from '../vocabulary.ts';

type Contents = Vocabulary['contents'];

/** For each row of a parameter, its row before; -1 for a new one. */
type RowMap = Int32Array;

/**
 * Puts the weights of a version into a training that has just been opened: rows of users, items and values go by what they
 * stand for, and what is new keeps its random beginning. A parameter of another shape does, too, and what reads the vectors
 * of another text encoder. Errors: FatalError MR_TRAINING_NO_WEIGHTS for a version that was written without them.
 */
export function warmStart<R>(
  training: Training<R>,
  version: VersionFiles,
  { vocabulary: now, textEncoder }: Pick<Dataset, 'vocabulary' | 'textEncoder'>,
): void {
  if (!version.names.includes(WEIGHTS_FILE)) throw noWeights(version.version);
  const before = decodeCheckpoint(version.read(WEIGHTS_FILE)).arrays;
  const rows = rowMaps(Vocabulary.parse(version.read(VOCABULARY_FILE)).contents, now.contents);
  const isOtherText = hashesOf(version.manifest.textEncoder) !== hashesOf(textEncoder);
  const fresh = training.save();
  const arrays = new Map<string, CheckpointArray>(fresh.arrays);
  for (const [name, array] of fresh.arrays) {
    const old = before.get(name);
    if (old === undefined || (name === 'text' && isOtherText)) continue;
    arrays.set(name, moved(array, old, rows[name]));
  }
  training.restore({ arrays, values: fresh.values });
}

const hashesOf = (files: readonly ManifestFile[] = []) => files.map(({ sha256 }) => sha256).join();

function moved(fresh: CheckpointArray, old: CheckpointArray, rows: RowMap | undefined): CheckpointArray {
  if (rows === undefined) return old.length === fresh.length ? old : fresh;
  const width = fresh.length / rows.length;
  if (!Number.isInteger(width) || old.length % width !== 0) return fresh;
  const merged = fresh.slice();
  rows.forEach((from, row) => {
    if (from < 0 || (from + 1) * width > old.length) return;
    merged.set(old.subarray(from * width, (from + 1) * width) as never, row * width);
  });
  return merged;
}

function rowMaps(before: Contents, now: Contents): Readonly<Record<string, RowMap>> {
  // The unknown user is the first row, the unknown item the last one.
  const users = [0, ...placesOf(before.users, now.users, 1)];
  const items = [...placesOf(before.items, now.items, 0), before.items.size];
  const values = (name: DictionaryName) => [
    0,
    ...places(before.dictionaries[name], now.dictionaries[name], 1),
  ];
  const column = (name: DictionaryName) => {
    return { size: before.dictionaries[name].length + 1, rows: values(name) };
  };
  const fixed = (size: number) => ({ size, rows: Array.from({ length: size }, (_, i) => i) });
  return {
    user: Int32Array.from(users),
    item: Int32Array.from(items),
    history: Int32Array.from(items),
    profile: oneAfterAnother([fixed(8), column('gender'), column('occupation'), column('country')]),
    features: oneAfterAnother([column('type'), column('category'), column('language'), fixed(6), fixed(9)]),
    context: oneAfterAnother([
      ...[fixed(25), fixed(8), fixed(6)],
      ...[column('contextCountry'), column('contextLanguage')],
      fixed(9),
    ]),
    tags: Int32Array.from(places(before.dictionaries.tags, now.dictionaries.tags, 0)),
  };
}

/** Where each of `now` stood before, counted from `first`; -1 where it did not. */
function places(before: readonly string[], now: readonly string[], first: number): number[] {
  return placesOf(IdTable.of(before), now, first);
}

function placesOf(before: IdTable, now: Iterable<string>, first: number): number[] {
  return Array.from(now, (id) => {
    const place = before.placeOf(id);
    return place === undefined ? -1 : place + first;
  });
}

/** Columns whose values share a table, one after another. */
function oneAfterAnother(
  columns: readonly { readonly size: number; readonly rows: readonly number[] }[],
): RowMap {
  let start = 0;
  const rows: number[] = [];
  for (const column of columns) {
    for (const row of column.rows) rows.push(row < 0 ? -1 : start + row);
    start += column.size;
  }
  return Int32Array.from(rows);
}

function noWeights(version: string): FatalError {
  return new FatalError('MR_TRAINING_NO_WEIGHTS', `Version ${version} was written without its weights.`, {
    hint: 'Train from scratch once: millrace train',
  });
}
