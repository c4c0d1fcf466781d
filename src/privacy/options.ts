/** The options of how users are named. */
import { option, z } from '#platform/configuration';

export const PRIVACY_OPTIONS = {
  privacy: {
    userIds: option(z.enum(['pseudonyms', 'as-given']).default('pseudonyms'))`
      How users are named on the log: by pseudonyms from the vault in the data directory, or by the ids given, for
      producers that have pseudonyms of their own.`,
  },
};
