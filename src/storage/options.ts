/** The options of storage. */
import { address, count, option, receiver, text, type ValuesOf, z } from '#platform/configuration';

export const STORAGE_OPTIONS = {
  storage: option(address('folder', 's3'))`
    Where versions, snapshots and the archive are kept: \`folder\`, in the data directory alone, or an object store as
    \`s3://BUCKET[/PREFIX]\`, of which the data directory then holds copies.`,
  objectStore: {
    endpoint: option(receiver('http(s)://host:port, without a user').optional())`
      Address of the object store, by default that of Amazon S3 in the region. Buckets are addressed by path.`,
    region: option(text().default('us-east-1'))`Region of the bucket; most other stores accept any.`,
    accessKeyId: option(text().optional(), { isSecret: true })`Id of the access key at the object store.`,
    secretAccessKey: option(text().optional(), { isSecret: true })`Secret of the access key.`,
    sessionToken: option(text().optional(), { isSecret: true })`Session token of temporary credentials.`,
    ca: option(text().optional())`PEM file with the authorities to trust, if not those of the system.`,
    timeoutSeconds: option(z.number().min(0.05).default(15))`
      Time without a byte after which a request is abandoned, seconds; it is sent up to five times.`,
    cacheMb: option(count().default(20_000))`
      Copies of the object store that the data directory may hold, MB. Those used longest ago go first; what was used
      in the last ten minutes stays.`,
  },
};

export type StorageConfiguration = ValuesOf<typeof STORAGE_OPTIONS>;
