/** The options of the simulated world. */
import { count, onOff, option, seed, z } from '#platform/configuration';

export const SIMULATOR_OPTIONS = {
  simulation: {
    world: option(onOff().optional())`
      Whether a log without events gets a simulated world, and agents that live in it; \`"simulation": "off"\` says the
      same. On by default when the log is embedded, and off on Kafka, where others read the topics.`,
    seed: option(seed().default(1))`Seed of the simulated world.`,
    users: option(count().default(2000))`Number of simulated users.`,
    items: option(count().default(1000))`Number of items in the catalogue.`,
    events: option(count().default(200_000))`Number of events in the simulated past.`,
    days: option(count().default(30))`Length of the simulated past, days.`,
    liveEventsPerSecond: option(z.number().min(0).default(5))`
      Events that the agents produce each second while live; 0 for none.`,
  },
};
