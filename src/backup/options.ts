/** The options of backups. */
import { count, option, token, z } from '#platform/configuration';

export const BACKUP_OPTIONS = {
  backup: {
    key: option(token().optional(), { isSecret: true })`
      Passphrase that encrypts backups (AES-256-GCM), at least 16 characters. Without it, a backup contains the vault's
      key in plain form, as the data directory does.`,
    keepDays: option(count().default(7))`
      How far back every point of a backup can be restored, days; twice as much is kept, at most.`,
    intervalSeconds: option(z.number().min(0.1).default(5))`
      How often \`millrace backup --follow\` ships new data, seconds: losing the machine loses at most this much.`,
  },
};
