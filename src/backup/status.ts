import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere, replaceDurably } from '#platform';

/**
 * What the data directory says of its backup. The history's name is its own: a restored directory has none, and so
 * begins a generation of its own where it is backed up.
 */
export const STATUS_FILE = 'backup.json';

export type BackupStatus = {
  /** Identifies this directory's history. */
  readonly source: string;
  /** Where it was backed up to last. */
  readonly place: string;
  /** Everything acknowledged before is in the backup; ms. */
  readonly shippedAt: number;
};

/** Undefined where nothing was backed up, or the file cannot be read: a generation begins then. */
export async function readBackupStatus(directory: string): Promise<BackupStatus | undefined> {
  const bytes = await ifThere(readFile(join(directory, STATUS_FILE), 'utf8'));
  if (bytes === undefined) return undefined;
  try {
    const { source, place, shippedAt } = JSON.parse(bytes) as BackupStatus;
    return typeof source === 'string' && Number.isFinite(shippedAt)
      ? { source, place, shippedAt }
      : undefined;
  } catch {
    return undefined;
  }
}

export async function writeBackupStatus(directory: string, status: BackupStatus): Promise<void> {
  await replaceDurably(join(directory, STATUS_FILE), Buffer.from(`${JSON.stringify(status)}\n`));
}

export const newSource = (): string => randomUUID();
