import { InputError } from '#platform';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type CheckpointArray = Float32Array | Float64Array | Int32Array | Uint32Array;

/** What a training needs to go on: named arrays, and the rest as JSON (no NaN, no infinity). */
export type Checkpoint = {
  readonly arrays: ReadonlyMap<string, CheckpointArray>;
  readonly values: Json;
};

type Directory = {
  readonly values: Json;
  readonly arrays: readonly { readonly name: string; readonly type: string; readonly length: number }[];
};

const MAGIC = 'MRCKPT01';
const kinds = { Float32Array, Float64Array, Int32Array, Uint32Array } as const;

/**
 * One file: magic, length of the directory (uint32, little-endian), directory (JSON), then the arrays in its order, each
 * at a multiple of eight bytes. Whoever writes the file sees to it that it is whole.
 */
export function encodeCheckpoint({ arrays, values }: Checkpoint): Uint8Array {
  const entries = [...arrays].map(([name, array]) => ({
    name,
    type: array.constructor.name,
    length: array.length,
  }));
  const directory = Buffer.from(JSON.stringify({ values, arrays: entries } satisfies Directory));
  let size = aligned(MAGIC.length + 4 + directory.length);
  for (const array of arrays.values()) size = aligned(size + array.byteLength);

  const file = Buffer.alloc(size);
  file.write(MAGIC, 'latin1');
  file.writeUInt32LE(directory.length, MAGIC.length);
  directory.copy(file, MAGIC.length + 4);
  let at = aligned(MAGIC.length + 4 + directory.length);
  for (const array of arrays.values()) {
    file.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at = aligned(at + array.byteLength);
  }
  return file;
}

/** MR_MODEL_CHECKPOINT for bytes that are no whole checkpoint. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.toString('latin1', 0, MAGIC.length) !== MAGIC) throw unusable('it does not start like one');
  const start = MAGIC.length + 4;
  if (start > file.length) throw unusable('it is cut off');
  const end = start + file.readUInt32LE(MAGIC.length);
  if (end > file.length) throw unusable('it is cut off');
  const { values, arrays } = parseDirectory(file.toString('utf8', start, end));
  const decoded = new Map<string, CheckpointArray>();
  let at = aligned(end);
  for (const { name, type, length } of arrays) {
    const Kind = kinds[type as keyof typeof kinds];
    if (Kind === undefined || !(Number.isInteger(length) && length >= 0)) {
      throw unusable(`the array ${name} is ${type} of ${length}`);
    }
    const size = length * Kind.BYTES_PER_ELEMENT;
    if (at + size > file.length) throw unusable('it is cut off');
    const copy = new Uint8Array(file.subarray(at, at + size));
    decoded.set(name, new Kind(copy.buffer));
    at = aligned(at + size);
  }
  return { arrays: decoded, values };
}

function parseDirectory(text: string): Directory {
  try {
    const { values, arrays } = JSON.parse(text) as Directory;
    if (Array.isArray(arrays)) return { values, arrays };
  } catch {
    // Whatever is wrong with it, it is damaged.
  }
  throw unusable('its directory is damaged');
}

/** Copies the array saved under `name` over `target`; MR_MODEL_CHECKPOINT where there is none of its kind and length. */
export function restoreArray({ arrays }: Checkpoint, name: string, target: CheckpointArray): void {
  const saved = arrays.get(name);
  if (saved?.constructor !== target.constructor || saved.length !== target.length) {
    const found = saved === undefined ? 'nothing' : `${saved.constructor.name} of ${saved.length}`;
    throw unusable(`${name} is ${found}, not ${target.constructor.name} of ${target.length}`);
  }
  target.set(saved as never);
}

export function unusable(why: string): InputError {
  return new InputError('MR_MODEL_CHECKPOINT', `the checkpoint cannot be used: ${why}`, {
    hint: 'It is damaged, or belongs to a training with other data or another configuration: train from scratch.',
  });
}

/** The file of a version with the weights that a refresh begins with. */
export const WEIGHTS_FILE = 'weights.checkpoint';

/** What is learned: state of optimisers, which has the name of its parameter before a slash, and of chance is left out. */
export function weightsOf({ arrays }: Checkpoint): Checkpoint {
  const weights = [...arrays].filter(([name]) => !name.includes('/') && name !== 'order');
  return { arrays: new Map(weights), values: null };
}

const aligned = (bytes: number) => Math.ceil(bytes / 8) * 8;
