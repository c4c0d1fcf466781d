import type { SourcePartition, StateRow, StateTable } from '#log';
import type { ObjectRef } from './objects.ts';

/** A partition as of a manifest; of its batches those count that lie at `start` or after it. */
export type PartitionState = Pick<
  SourcePartition,
  'id' | 'topic' | 'partition' | 'start' | 'end' | 'newest'
> & {
  /** The last record that was shipped: by it a log with another history is told from this one. */
  readonly last?: { readonly offset: number; readonly sha256: string };
};

export type TableChanges = { readonly put: readonly StateRow[]; readonly removed: readonly StateRow[] };

export type FileState = {
  /** Relative to where it is restored, with slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** When it was changed last, ms: while that and its length are the same, so is its content. */
  readonly changedMs: number;
  /** Its content, in pieces. */
  readonly pieces: readonly ObjectRef[];
};

/**
 * What one shipment has added: with all earlier ones of its generation it is the state of the log and the files
 * at one time, and everything that was acknowledged before.
 */
export type Manifest = {
  readonly number: number;
  /** The SHA-256 of the manifest before it, as it is stored; null for the first of a backup. */
  readonly previous: string | null;
  /** True: a generation begins; nothing before it counts. */
  readonly isBase: boolean;
  /** Identifies the log: another one has another history. */
  readonly source: string;
  /** Everything acknowledged before is in; ms. */
  readonly at: number;
  readonly log: {
    readonly objects: readonly ObjectRef[];
    /** The batches of what users have decided, and of erasures in the vault, once more: a restore of an earlier time must not undo them. */
    readonly decisions: readonly ObjectRef[];
    readonly partitions: readonly PartitionState[];
    /** Ids of those that were deleted. */
    readonly removed: readonly number[];
    readonly tables: Readonly<Partial<Record<StateTable, TableChanges>>>;
  };
  readonly files: { readonly put: readonly FileState[]; readonly removed: readonly string[] };
};

/** The objects that a manifest needs beside itself. */
export function objectsOf({ log, files }: Manifest): readonly ObjectRef[] {
  return [...log.objects, ...log.decisions, ...files.put.flatMap(({ pieces }) => pieces)];
}

export const bytesOf = (manifest: Manifest): number =>
  objectsOf(manifest).reduce((sum, { bytes }) => sum + bytes, 0);
