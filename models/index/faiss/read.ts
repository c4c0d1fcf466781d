import { InputError } from '#platform';
import { inconsistencyOf } from '../files/check-parts.ts';
import { flatParts } from '../flat-parts.ts';
import type { IndexParts } from '../parts.ts';
import type { Metric } from '../port.ts';
import { ByteReader } from './byte-reader.ts';
import {
  DIRECT_MAP,
  damaged,
  FLAT,
  IVF_FLAT,
  LIST_SIZES,
  LISTS_IN_ARRAYS,
  METRICS,
  unsupported,
} from './format.ts';

/** A flat index has no `nprobe`. */
export type FaissIndex = { readonly parts: IndexParts; readonly nprobe?: number };

const LARGEST_ID = 2n ** 31n - 1n;

/**
 * Reads what `faiss.write_index` wrote of an IndexFlatIP, IndexFlatL2 or IndexIVFFlat. Errors: MR_INDEX_CORRUPT;
 * MR_INDEX_UNSUPPORTED for other kinds, and for what only FAISS has; MR_INDEX_VECTOR.
 */
export function readFaiss(bytes: Uint8Array): FaissIndex {
  const reader = new ByteReader(bytes);
  const code = reader.letters('the code of its kind');
  const index = code === IVF_FLAT ? readIvf(reader) : readFlatIndex(code, reader);
  if (reader.left > 0) throw damaged(`${reader.left} bytes follow the index`);
  const wrong = inconsistencyOf(index.parts);
  if (wrong === undefined) return index;
  const why = `${wrong.part}: ${wrong.why}`;
  throw wrong.notFinite ? new InputError('MR_INDEX_VECTOR', why) : damaged(why);
}

type Header = { readonly dim: number; readonly size: number; readonly metric: Metric };
type Flat = Header & { readonly vectors: Float32Array };

function readFlat(code: string, reader: ByteReader): Flat {
  const expected = METRICS.find((metric) => FLAT[metric] === code);
  if (expected === undefined) throw unsupported(`its kind is ${JSON.stringify(code)}`);
  const header = readHeader(reader);
  const { dim, size, metric } = header;
  if (metric !== expected) throw damaged(`${code} with the metric ${metric}`);
  const count = reader.count('floats', 4);
  if (count !== size * dim) throw damaged(`${count} numbers for ${size} vectors of dimension ${dim}`);
  return { ...header, vectors: reader.floats(count, 'vectors') };
}

function readFlatIndex(code: string, reader: ByteReader): FaissIndex {
  const { vectors, dim, metric } = readFlat(code, reader);
  return { parts: flatParts(vectors, dim, metric) };
}

function readHeader(reader: ByteReader): Header {
  const dim = reader.int32('the dimension');
  const size = reader.int64('the number of vectors');
  reader.skip(16, 'the header');
  const trained = reader.byte('the header');
  const number = reader.int32('the metric');
  if (dim < 1) throw damaged(`the dimension ${dim}`);
  // Each vector takes a byte at least, so a size that is not a count of vectors is found here.
  if (size < 0n || size > reader.left) throw damaged(`${size} vectors, and ${reader.left} bytes are left`);
  if (trained > 1) throw damaged(`a flag with the value ${trained}`);
  if (trained === 0) throw unsupported('it has not been trained');
  const metric = METRICS[number];
  if (metric === undefined) throw unsupported(`its metric is number ${number}`);
  return { dim, size: Number(size), metric };
}

function readIvf(reader: ByteReader): FaissIndex {
  const { dim, size, metric } = readHeader(reader);
  const lists = reader.count('lists', 0);
  const nprobe = reader.count('nprobe', 0);
  if (lists === 0 || nprobe === 0) throw damaged(`${nprobe} of ${lists} lists are searched`);
  const quantizer = readFlat(reader.letters('the index of its centroids'), reader);
  if (quantizer.dim !== dim || quantizer.size !== lists) {
    throw damaged(`${quantizer.size} centroids of dimension ${quantizer.dim} for ${lists} lists of ${dim}`);
  }
  if (quantizer.metric !== metric)
    throw unsupported(`lists are chosen by ${quantizer.metric}, vectors by ${metric}`);
  skipDirectMap(reader, size);
  const listSizes = readListSizes(reader, { lists, size, dim });
  if (reader.left !== size * (dim * 4 + 8)) {
    throw damaged(`${reader.left} bytes for ${size} vectors of dimension ${dim}, and their ids`);
  }
  const ids = new Int32Array(size);
  const vectors = new Float32Array(size * dim);
  let at = 0;
  for (const count of listSizes) {
    vectors.set(reader.floats(count * dim, 'the vectors of a list'), at * dim);
    for (const id of reader.int64s(count, 'the ids of a list')) ids[at++] = idOf(id);
  }
  return {
    parts: { dim, metric, centroids: quantizer.vectors, listSizes, ids, vectors },
    nprobe: Math.min(nprobe, lists),
  };
}

/** It says where each id is, which the lists say as well. */
function skipDirectMap(reader: ByteReader, size: number): void {
  const kind = reader.byte('the direct map');
  const kinds: readonly number[] = Object.values(DIRECT_MAP);
  if (!kinds.includes(kind)) throw damaged(`a direct map of kind ${kind}`);
  const entries = reader.count('entries of the direct map', 8);
  if (entries !== (kind === DIRECT_MAP.array ? size : 0)) {
    throw damaged(`a direct map of ${entries} entries for ${size} vectors`);
  }
  reader.skip(entries * 8, 'the direct map');
  if (kind !== DIRECT_MAP.hashtable) return;
  const pairs = reader.count('pairs of the direct map', 16);
  if (pairs !== size) throw damaged(`a direct map of ${pairs} pairs for ${size} vectors`);
  reader.skip(pairs * 16, 'the direct map');
}

function readListSizes(
  reader: ByteReader,
  { lists, size, dim }: { readonly lists: number; readonly size: number; readonly dim: number },
): Int32Array {
  const kind = reader.letters('the inverted lists');
  if (kind !== LISTS_IN_ARRAYS) throw unsupported(`its inverted lists are ${JSON.stringify(kind)}`);
  const [count, bytesEach] = [reader.count('lists', 0), reader.count('bytes of a vector', 0)];
  if (count !== lists || bytesEach !== dim * 4) {
    throw damaged(`inverted lists: ${count} with vectors of ${bytesEach} bytes, not ${lists} of ${dim * 4}`);
  }
  const form = reader.letters('the sizes of the lists');
  const sizes = new Int32Array(lists);
  const length = reader.count('sizes of lists', 8);
  const inForm =
    form === LIST_SIZES.all ? length === lists : form === LIST_SIZES.notEmpty && length % 2 === 0;
  if (!inForm) throw damaged(`${length} sizes of ${lists} lists in the form ${JSON.stringify(form)}`);
  let total = 0n;
  const set = (list: bigint, vectors: bigint) => {
    total += vectors;
    if (list < 0n || list >= lists || vectors < 0n || total > size || sizes[Number(list)] !== 0) {
      throw damaged(`list ${list} of ${lists} with ${vectors} of ${size} vectors`);
    }
    sizes[Number(list)] = Number(vectors);
  };
  const numbers = reader.int64s(length, 'the sizes of the lists');
  for (let i = 0; i < length; i += form === LIST_SIZES.all ? 1 : 2) {
    if (form === LIST_SIZES.all) set(BigInt(i), numbers[i] as bigint);
    else set(numbers[i] as bigint, numbers[i + 1] as bigint);
  }
  if (total !== BigInt(size)) throw damaged(`its lists have ${total} vectors, its header says ${size}`);
  return sizes;
}

function idOf(id: bigint): number {
  if (id < 0n || id > LARGEST_ID) throw unsupported(`the id ${id}; ids are from 0 to ${LARGEST_ID}`);
  return Number(id);
}
