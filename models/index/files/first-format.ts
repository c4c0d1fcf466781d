import { InputError } from '#platform';
import { flatParts } from '../flat-parts.ts';
import type { IndexParts } from '../parts.ts';

/** The beginning of item vectors as versions had them before index files had sections; no longer written. */
const FIRST_MAGIC = 'MRFLAT01';
const HEADER_BYTES = FIRST_MAGIC.length + 8;

export function isFirstFormat(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, FIRST_MAGIC.length)).toString('latin1') === FIRST_MAGIC;
}

/** Magic, dimension and count (uint32, little-endian), then the vectors. Errors: MR_INDEX_CORRUPT. */
export function readFirstFormat(bytes: Uint8Array): IndexParts {
  if (bytes.length < HEADER_BYTES) throw corrupt('it is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dim = view.getUint32(FIRST_MAGIC.length, true);
  const count = view.getUint32(FIRST_MAGIC.length + 4, true);
  const expected = HEADER_BYTES + count * dim * 4;
  if (dim === 0 || bytes.length !== expected) {
    throw corrupt(`${count} vectors of dimension ${dim} take ${expected} bytes; it has ${bytes.length}`);
  }
  return flatParts(new Float32Array(new Uint8Array(bytes.subarray(HEADER_BYTES)).buffer), dim);
}

function corrupt(why: string): InputError {
  return new InputError('MR_INDEX_CORRUPT', `an index of the first format that is damaged: ${why}`, {
    hint: 'Fetch the version again, or rebuild the index from the item vectors.',
  });
}
