import { liesIn, readDirectoryStore, writeDirectoryStore } from '#backup';
import { ConfigurationError, createMetrics, systemClock } from '#platform';
import type { Configuration } from '#service/configuration';
import { isObjectStore, type ObjectStore, openObjectStore } from '#storage';
import { usageError } from '../command.ts';

/** Where users' decisions are, which no restore undoes. */
export const DECISIONS_TOPIC = 'privacy';

/** Errors: ConfigurationError MR_BACKUP_PLACE, MR_BACKUP_IN_USE, MR_BACKUP_LOG_ON_KAFKA, MR_STORAGE_ADDRESS. */
export async function placeToWrite(place: string, configuration: Configuration): Promise<ObjectStore> {
  const { data, log } = configuration;
  if (log !== 'embedded') {
    throw new ConfigurationError(
      'MR_BACKUP_LOG_ON_KAFKA',
      'The log is on Kafka, which is not backed up here.',
      {
        hint: 'Copy it to another cluster with "millrace copy"; keep vault and versions with a backup of files.',
      },
    );
  }
  if (isObjectStore(place)) return objectStoreAt(place, configuration);
  requireDirectory(place);
  if (liesIn(place, data)) {
    throw new ConfigurationError('MR_BACKUP_PLACE', `${place} lies in the data directory ${data}.`, {
      hint: 'Name a directory on another disk: a backup beside its data is lost with them.',
    });
  }
  return writeDirectoryStore(place);
}

/** Errors: ConfigurationError MR_BACKUP_PLACE, MR_STORAGE_ADDRESS. */
export async function placeToRead(place: string, configuration: Configuration): Promise<ObjectStore> {
  if (isObjectStore(place)) return objectStoreAt(place, configuration);
  requireDirectory(place);
  return readDirectoryStore(place);
}

function objectStoreAt(place: string, configuration: Configuration): ObjectStore {
  const environment = { clock: systemClock, random: Math.random, metrics: createMetrics() };
  return openObjectStore(place, configuration, environment);
}

function requireDirectory(place: string): void {
  if (!/^[a-z0-9]+:\/\//.test(place)) return;
  throw usageError(`${place} is neither a directory nor s3://BUCKET/PREFIX.`, 'Name one of these.');
}
