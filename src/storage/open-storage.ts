import type { Clock, Metrics } from '#platform';
import type { StorageConfiguration } from './options.ts';
import type { ObjectStore } from './port.ts';
import { s3Store } from './s3/s3-store.ts';
import { SharedFiles } from './shared/shared-files.ts';

const MEGABYTE = 1_000_000;

type Environment = { readonly clock: Clock; readonly random: () => number; readonly metrics: Metrics };

export const isObjectStore = (address: string): boolean => address.startsWith('s3://');

/** The store at an address of isObjectStore. Nothing is sent yet. Errors: ConfigurationError MR_STORAGE_ADDRESS. */
export function openObjectStore(
  address: string,
  { objectStore }: Pick<StorageConfiguration, 'objectStore'>,
  environment: Environment,
): ObjectStore {
  return s3Store(address, objectStore, environment);
}

/** Undefined where the data directory alone has the files. Errors: as openObjectStore. */
export function openSharedFiles(
  configuration: StorageConfiguration & { readonly data: string },
  environment: Environment,
): SharedFiles | undefined {
  const { storage, data, objectStore } = configuration;
  if (!isObjectStore(storage)) return undefined;
  const store = openObjectStore(storage, configuration, environment);
  const limitBytes = objectStore.cacheMb * MEGABYTE;
  return new SharedFiles({ store, dataDirectory: data, limitBytes, ...environment });
}
