/**
 * Where trained versions are kept. A version is a set of named files and a manifest; its name is the hash of the
 * manifest, which holds the hash of every file, so the name vouches for all of it.
 */

/** Metrics by name: `recall@10`, `ndcg@10`, `hr@10`, `recall@100`. */
export type MetricValues = Readonly<Record<string, number>>;

export type ManifestFile = { readonly name: string; readonly bytes: number; readonly sha256: string };

/** What is known of a version. There is no time in it: the same snapshot and seed give the same version. */
export type VersionManifest = {
  readonly format: 1;
  readonly model: 'two-tower';
  readonly snapshotId: string;
  readonly seed: number;
  /** Length of the vectors. */
  readonly dimension: number;
  /** Rows of the index. */
  readonly itemCount: number;
  /** How train and test were split. */
  readonly protocol: string;
  readonly metrics: MetricValues;
  readonly popularity: MetricValues;
  readonly decayedPopularity: MetricValues;
  readonly files: readonly ManifestFile[];
};

export type VersionDescription = Omit<VersionManifest, 'format' | 'files'>;

export const versionFileNames = ['user-tower.onnx', 'items.index', 'vocabulary.json'] as const;
export type VersionFileName = (typeof versionFileNames)[number];
export type VersionContents = Readonly<Record<VersionFileName, Uint8Array>>;

/** A version as read, every byte of it verified. */
export interface VersionFiles {
  /** The first 16 hex digits of the SHA-256 of manifest.json. */
  readonly version: string;
  readonly manifest: VersionManifest;
  /** The bytes that were verified; nothing is read from the disk again. */
  read(name: VersionFileName): Buffer;
}

export interface ArtifactStore {
  /** Stores a version, whole or not at all, and gives its name. A version that is there already stays. */
  write(description: VersionDescription, contents: VersionContents): Promise<string>;
  /** Errors: ConfigurationError MR_VERSION_MISSING; FatalError MR_VERSION_CORRUPT, which names the file. */
  open(version: string): Promise<VersionFiles>;
  /** Names of the versions stored, in order. */
  list(): Promise<readonly string[]>;
}
