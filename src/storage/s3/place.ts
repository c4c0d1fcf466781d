/** Where a store's objects are and how to get at them, as the options say. */
import { ConfigurationError, readAuthorities } from '#platform';
import type { StorageConfiguration } from '../options.ts';

export type ObjectStoreOptions = StorageConfiguration['objectStore'];

export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

export type S3Place = {
  /** `s3://bucket/prefix`. */
  readonly name: string;
  readonly bucket: string;
  /** Before the name of each object: empty, or ending in `/`. */
  readonly prefix: string;
  readonly endpoint: URL;
  readonly region: string;
  readonly credentials: Credentials;
  /** PEM. */
  readonly authorities: string | undefined;
};

/** Errors: ConfigurationError MR_STORAGE_ADDRESS. */
export function placeOf(address: string, options: ObjectStoreOptions): S3Place {
  const [, bucket = '', path = ''] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(address) ?? [];
  if (bucket === '') throw wrong(`${shown(address)} is no s3://BUCKET[/PREFIX]`);
  const prefix = path.replace(/\/+$/, '');
  if (/(^|\/)\.{0,2}(\/|$)|[?#\s]/.test(prefix) && prefix !== '')
    throw wrong(`the prefix in ${address} is not allowed`);
  const {
    region,
    endpoint = `https://s3.${region}.amazonaws.com`,
    accessKeyId,
    secretAccessKey,
    sessionToken,
    ca,
  } = options;
  if (accessKeyId === undefined) throw wrong('objectStore.accessKeyId is not set');
  if (secretAccessKey === undefined) throw wrong('objectStore.secretAccessKey is not set');
  return {
    name: `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
    bucket,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint: new URL(endpoint),
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    authorities: ca === undefined ? undefined : readAuthorities(ca, (reason, cause) => wrong(reason, cause)),
  };
}

/** Somebody may have put credentials there. */
const shown = (address: string) => address.replace(/\/\/.*@/, '//');

function wrong(reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError('MR_STORAGE_ADDRESS', `The object store cannot be used: ${reason}.`, {
    hint: 'Write s3://BUCKET or s3://BUCKET/PREFIX, and set objectStore.accessKeyId and objectStore.secretAccessKey.',
    cause,
  });
}
