import { createHash } from 'node:crypto';
import { FatalError } from '#platform';
import type { VersionContents } from '../artifact/port.ts';

const SEAL_FILE = 'ranker.seal';

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** With a file of their digests: numbers of a network that were changed are numbers all the same. */
export function sealed(files: VersionContents): VersionContents {
  const digests = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, digestOf(bytes)]));
  return { ...files, [SEAL_FILE]: Buffer.from(`${JSON.stringify(digests)}\n`) };
}

/** A reader of the files that were sealed. Errors: FatalError MR_MODEL_UNREADABLE for one that is missing or was changed. */
export function unsealed(files: VersionContents): (name: string) => Uint8Array {
  const digests = parsed(files[SEAL_FILE]);
  return (name) => {
    const bytes = files[name];
    if (bytes === undefined) throw unreadable(`There is no ${name}`);
    if (digests[name] !== digestOf(bytes)) throw unreadable(`${name} is not what was written`);
    return bytes;
  };
}

function parsed(bytes: Uint8Array | undefined): Readonly<Record<string, unknown>> {
  if (bytes === undefined) throw unreadable(`There is no ${SEAL_FILE}`);
  try {
    return (JSON.parse(Buffer.from(bytes).toString()) ?? {}) as Record<string, unknown>;
  } catch {
    throw unreadable(`${SEAL_FILE} is damaged`);
  }
}

export function unreadable(what: string, cause?: unknown): FatalError {
  return new FatalError('MR_MODEL_UNREADABLE', `${what}.`, {
    hint: 'Fetch the version again, or train a ranker.',
    ...(cause !== undefined && { cause }),
  });
}
