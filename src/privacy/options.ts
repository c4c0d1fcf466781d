/** The options of how users are named. */
import { option, text, z } from '#platform/configuration';

export const PRIVACY_OPTIONS = {
  privacy: {
    userIds: option(z.enum(['pseudonyms', 'as-given']).default('pseudonyms'))`
      How users are named on the log: by pseudonyms from the vault on the log, or by the ids given, for
      producers that have pseudonyms of their own.`,
    masterKey: option(text().optional(), { isSecret: true })`
      What the vault is sealed under: 32 bytes in base64 or hexadecimal, the same in every process on the log. By default
      \`pseudonyms.key\` in the data directory, which the first start makes.`,
    nextMasterKey: option(text().optional(), { isSecret: true })`
      Accepted beside \`masterKey\`: the key that \`millrace rotate-key\` seals the vault under.`,
  },
};
