/** The options of accepting events. */
import { option, whole, z } from '#platform/configuration';

export const GATEWAY_OPTIONS = {
  gateway: {
    maxLag: option(whole().default(100_000))`
      Events awaiting admission on the log above which POST /events answers 429 until the backlog shrinks; 0 for any
      number.`,
  },
  disk: {
    reserveMb: option(z.number().min(0).default(256))`
      Free space on the disk of the data directory below which POST /events answers 503, MB: what was accepted before
      can still be processed. 0 for none. Not used when the log is on Kafka.`,
  },
};
