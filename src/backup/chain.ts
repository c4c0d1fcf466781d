import { type FatalError, failpoint, InputError } from '#platform';
import { damaged } from './damage.ts';
import type { Manifest } from './manifest.ts';
import { conflict, type Objects, sha256Of } from './objects.ts';

export const MANIFESTS = 'manifests/';
const NAME = /^manifests\/(\d{12})-(\d{14})-(base|more)$/;

/** A point of a backup, as the name of its manifest tells it. */
export type Point = {
  readonly object: string;
  readonly number: number;
  readonly at: number;
  readonly isBase: boolean;
};

export type StoredManifest = { readonly manifest: Manifest; readonly sha256: string };

/** The manifests of a backup: numbered without a gap, each with the hash of the one before it. */
export class Chain {
  readonly #objects: Objects;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  /** Oldest first, from the first base on. FatalError MR_BACKUP_DAMAGED for an object that no backup has written. */
  async points(): Promise<readonly Point[]> {
    const names = await this.#objects.store.list(MANIFESTS);
    const points = names.map(({ name: object }): Point => {
      const match = NAME.exec(object);
      if (match === null) throw damaged(object, 'has a name that no manifest has');
      const [, number, at, kind] = match;
      return { object, number: Number(number), at: Number(at), isBase: kind === 'base' };
    });
    // Whole generations are removed from the oldest manifest on: one that was cut short there is not needed any more.
    return points.slice(points.findIndex(({ isBase }) => isBase));
  }

  /** Writes the next one, durably. RetryableError MR_BACKUP_CONFLICT where another process was quicker. */
  async append(manifest: Manifest): Promise<string> {
    const object = nameOf(manifest);
    failpoint('backup.manifest.before');
    const others = await this.#objects.store.list(`${MANIFESTS}${padded(manifest.number, 12)}`);
    const ref =
      others.length > 0
        ? undefined
        : await this.#objects.put(object, Buffer.from(JSON.stringify(manifest), 'utf8'));
    if (ref === undefined) throw conflict(this.#objects.store.name, object);
    failpoint('backup.manifest.after');
    return ref.sha256;
  }

  /** The manifests of these points, each held against the one before. FatalError MR_BACKUP_DAMAGED. */
  async *read(points: readonly Point[]): AsyncGenerator<StoredManifest> {
    let previous: string | undefined;
    for (const { object, number, at, isBase } of points) {
      const stored = await this.#objects.store.get(object);
      if (stored === undefined) throw damaged(object, 'is missing');
      const content = await this.#objects.sealing.open(object, stored);
      const manifest = JSON.parse(content.toString('utf8')) as Manifest;
      const isNamed = manifest.number === number && manifest.at === at && manifest.isBase === isBase;
      if (!isNamed) throw damaged(object, 'is not what its name says');
      if (previous !== undefined && manifest.previous !== previous)
        throw damaged(object, 'does not follow the manifest before it');
      previous = sha256Of(stored);
      yield { manifest, sha256: previous };
    }
  }
}

/**
 * Those of the generation of the newest point at or before `at`, up to it. InputError MR_BACKUP_EMPTY, MR_BACKUP_TIME;
 * FatalError MR_BACKUP_DAMAGED where one of them is missing.
 */
export function pointsUpTo(points: readonly Point[], at: number, place: string): readonly Point[] {
  const last = points.findLastIndex((point) => point.at <= at);
  const [first] = points;
  if (first === undefined) {
    throw new InputError('MR_BACKUP_EMPTY', `The backup ${place} has no complete point yet.`, {
      hint: 'The first one is complete when "millrace backup" says so.',
    });
  }
  if (last === -1) {
    const oldest = new Date(first.at).toISOString();
    throw new InputError('MR_BACKUP_TIME', `The oldest point of the backup ${place} is ${oldest}.`, {
      hint: 'Request that or a later time.',
    });
  }
  const chosen = points.slice(
    points.findLastIndex(({ isBase }, i) => isBase && i <= last),
    last + 1,
  );
  const missing = missingIn(chosen);
  if (missing !== undefined) throw missing;
  return chosen;
}

/** The error that says which manifest is missing between others; undefined where none is. */
export function missingIn(points: readonly Point[]): FatalError | undefined {
  const after = points.findIndex(({ number }, i) => i > 0 && number !== (points[i - 1] as Point).number + 1);
  if (after === -1) return undefined;
  return damaged(`${MANIFESTS}${padded((points[after - 1] as Point).number + 1, 12)}`, 'is missing');
}

const padded = (number: number, digits: number) => String(number).padStart(digits, '0');

function nameOf({ number, at, isBase }: Manifest): string {
  return `${MANIFESTS}${padded(number, 12)}-${padded(at, 14)}-${isBase ? 'base' : 'more'}`;
}
