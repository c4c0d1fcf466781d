/**
 * Where trained versions are kept. A version is a set of named files and a manifest; its name is the hash of the
 * manifest, which holds the hash of every file, so the name vouches for all of it.
 */

import type { IndexCalibration } from '../index/parts.ts';

/** Where versions lie in a data directory, each below its name. */
export const VERSIONS_DIRECTORY = 'versions';
/** Where indexes lie that were built for a version after it was trained. */
export const INDEXES_DIRECTORY = 'indexes';

/** Metrics by name: `recall@10`, `ndcg@10`, `hr@10`, `recall@100`. */
export type MetricValues = Readonly<Record<string, number>>;

export type ManifestFile = { readonly name: string; readonly bytes: number; readonly sha256: string };

/**
 * What is known of a version. There is no time in it: the same snapshot and seed give the same version. Format 1, which
 * is read as well, knew the files of the two-tower alone.
 */
export type VersionManifest = {
  readonly format: 1 | 2;
  /** Kind of model: `two-tower`, `external`, ... */
  readonly model: string;
  /** Empty for one that was trained elsewhere. */
  readonly snapshotId: string;
  readonly seed: number;
  /** Length of the vectors; 0 where there are none. */
  readonly dimension: number;
  /** Rows of the index; 0 where there is none. */
  readonly itemCount: number;
  /** What else it consists of, by name. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** How train and test were split. */
  readonly protocol: string;
  readonly metrics: MetricValues;
  readonly popularity: MetricValues;
  readonly decayedPopularity: MetricValues;
  /** The version whose vectors it holds, where it is an index that was built later. */
  readonly indexOf?: string;
  /** How its index was calibrated, where that is not exact. */
  readonly index?: IndexCalibration;
  /** The files of the text encoder that read the titles of items, where one did; they are no part of the version. */
  readonly textEncoder?: readonly ManifestFile[];
  readonly files: readonly ManifestFile[];
};

export type VersionDescription = Omit<VersionManifest, 'format' | 'files'>;

/** Files by name: letters, digits, dots, hyphens and underscores. Which a model needs is its own business. */
export type VersionContents = Readonly<Record<string, Uint8Array>>;

/** A version as read, every byte of it verified. */
export interface VersionFiles {
  /** The first 16 hex digits of the SHA-256 of manifest.json. */
  readonly version: string;
  readonly manifest: VersionManifest;
  /** In order. */
  readonly names: readonly string[];
  /** The bytes that were verified; nothing is read from the disk again. FatalError MR_VERSION_CORRUPT without the file. */
  read(name: string): Buffer;
}

export interface ArtifactStore {
  /**
   * Stores a version, whole or not at all, and returns its name. One that is there already stays, as if just written. Errors: InputError
   * MR_VERSION_FILE for a name that can't be a file's.
   */
  write(description: VersionDescription, contents: VersionContents): Promise<string>;
  /** Errors: ConfigurationError MR_VERSION_MISSING; FatalError MR_VERSION_CORRUPT, which names the file. */
  open(version: string): Promise<VersionFiles>;
  /** Names of the versions stored, in order; also of those whose writing or removal was cut off. */
  list(): Promise<readonly string[]>;
  /**
   * What a version takes, in bytes, and when it was written last, ms since the epoch; 0 and 0 where it is not there. Of one
   * that is being written, or whose writing was cut off, what there is.
   */
  stat(version: string): Promise<{ readonly bytes: number; readonly writtenMs: number }>;
  /** Removes a version's files, whole or damaged; nothing where it is not there. */
  remove(version: string): Promise<void>;
}
