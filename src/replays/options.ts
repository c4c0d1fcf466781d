/** The options of replays. */
import { count, option } from '#platform/configuration';

export const REPLAYS_OPTIONS = {
  swap: {
    keepMs: option(count().default(604_800_000))`
      How long a replay that \`millrace swap\` has taken out of force is kept up to date, so that it can be swapped back
      to, ms; then \`millrace start\` removes it. The live copy is kept always.`,
  },
};
