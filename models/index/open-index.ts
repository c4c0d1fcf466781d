import { readIndex } from './files/index-file.ts';
import { FlatIndex } from './flat-index.ts';
import { IvfIndex } from './ivf/ivf-index.ts';
import { MaintainedIndex, type MaintenanceOptions } from './ivf/maintained-index.ts';
import type { VectorIndex } from './port.ts';

/** The index that a file holds, ready for changes. Errors: InputError MR_INDEX_CORRUPT. */
export function openIndex(bytes: Uint8Array, options: MaintenanceOptions = {}): VectorIndex {
  const parts = readIndex(bytes);
  return parts.centroids.length === 0
    ? FlatIndex.fromParts(parts)
    : new MaintainedIndex(IvfIndex.fromParts(parts), options);
}
