import { type Clock, createMetrics, type Metrics, systemClock } from '#platform';
import { folderStore } from '../folder/folder-store.ts';
import type { ObjectStore } from '../port.ts';
import type { ObjectStoreOptions } from '../s3/place.ts';
import { s3Store } from '../s3/s3-store.ts';
import { SharedFiles } from '../shared/shared-files.ts';

/** Pauses are over at once; time goes on as ever. */
const hurried: Clock = { ...systemClock, sleep: () => Promise.resolve() };

/** As the configuration would say it, for a server of tests. */
export function optionsAt(endpoint: string, more: Partial<ObjectStoreOptions> = {}): ObjectStoreOptions {
  return {
    endpoint,
    region: 'us-east-1',
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'secret-of-the-test',
    timeoutSeconds: 15,
    cacheMb: 1_000,
    ...more,
  };
}

/** A store that is closed when the test has ended. */
export function storeAt(
  t: { after(cleanUp: () => void): void },
  endpoint: string,
  address: string,
  { metrics, ...more }: Partial<ObjectStoreOptions> & { readonly metrics?: Metrics } = {},
): ObjectStore {
  const store = s3Store(address, optionsAt(endpoint, more), { clock: hurried, random: Math.random, metrics });
  t.after(() => store.close());
  return store;
}

/** The files that a data directory shares by such a store. */
export function sharedFilesAt(
  t: { after(cleanUp: () => void): void },
  endpoint: string,
  address: string,
  dataDirectory: string,
): SharedFiles {
  return sharedFiles(storeAt(t, endpoint, address), dataDirectory);
}

/** The same by a folder, where the kind of the store makes no difference. */
export function sharedFilesIn(folder: string, dataDirectory: string): SharedFiles {
  return sharedFiles(folderStore(folder), dataDirectory);
}

function sharedFiles(store: ObjectStore, dataDirectory: string): SharedFiles {
  const metrics = createMetrics();
  return new SharedFiles({ store, dataDirectory, limitBytes: 1e9, clock: systemClock, metrics });
}
