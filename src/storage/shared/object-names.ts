/** What objects are called: by the path of a file in the data directory and the SHA-256 of what it holds. */
import { createHash } from 'node:crypto';
import { FatalError, type Fingerprint } from '#platform';

export type NamedFile = { readonly name: string } & Fingerprint;

/** The object that says which files a directory has; it is written last and removed first. */
export const LISTING = '.files';

/** The object without which a store is not the one that files were put into, or has lost them: it is written first, and stays. */
export const MARKER = '.store';

export function objectOf(path: string, { sha256 }: Pick<Fingerprint, 'sha256'>): string {
  return `${path}~${sha256}`;
}

export function splitName(object: string): readonly [path: string, sha256: string] {
  const at = object.lastIndexOf('~');
  return [object.slice(0, at), object.slice(at + 1)];
}

export function fingerprintOf(bytes: Buffer): Fingerprint {
  return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length };
}

/** FatalError MR_STORAGE_OBJECT_WRONG where `bytes` are no listing, or a file of it would lie outside of its directory. */
export function filesIn(bytes: Buffer, object: string, store: string): readonly NamedFile[] {
  try {
    const files = JSON.parse(bytes.toString()) as readonly NamedFile[];
    if (files.every(({ name }) => !/^\.{0,2}$|[/\\\0]/.test(name))) return files;
  } catch {}
  throw new FatalError(
    'MR_STORAGE_OBJECT_WRONG',
    `${object} in ${store} is no list of a directory's files.`,
    {
      hint: 'Restore it from a copy of the bucket that option storage names, and find out who else writes there.',
    },
  );
}
