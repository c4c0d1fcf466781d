/** Backups as a job of `millrace start`. */
import { Shipper } from '#backup';
import type { ConfigurationSources } from '#platform/configuration';
import type { Installation, JobWorks } from '#service';
import { grouped } from '../output.ts';
import { shippingOptions } from './backup.ts';
import { placeToWrite } from './place.ts';

/**
 * Ships what is new to jobs.backupPlace; undefined where that is not set. While another process ships there, a run fails
 * (MR_BACKUP_IN_USE).
 */
export function backupWork(
  { configuration }: Pick<Installation, 'configuration'>,
  sources: ConfigurationSources,
): JobWorks['backUp'] {
  const place = configuration.jobs.backupPlace;
  if (place === undefined) return undefined;
  return async ({ signal }) => {
    const store = await placeToWrite(place, configuration);
    try {
      const shipper = await Shipper.open(shippingOptions(store, { configuration, sources, signal }));
      try {
        const { manifest, bytes } = await shipper.ship();
        return { text: manifest === undefined ? 'nothing is new' : `${grouped(bytes / 1_000)} KB shipped` };
      } finally {
        shipper.close();
      }
    } finally {
      store.close();
    }
  };
}
