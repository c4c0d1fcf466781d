/** Every option of the configuration: its form, its default and what it means. */
import { z } from 'zod';
import { logLevels } from './logger.ts';

const hourMs = 3_600_000;
const count = () => z.int().min(1);
const seed = () => z.int().min(0).max(0xffff_ffff);
const share = (least: number) => z.number().min(least).max(0.45);
const perPositive = () => z.int().min(0).max(100).default(0);

/** Apart from the address, so that a password can come from a variable of its own and is never printed with it. */
const credentials = (whose: string) =>
  z.object({
    username: z.string().min(1).optional().describe(`User at ${whose}; goes over that of the address.`),
    password: z.string().min(1).optional().describe(`Password at ${whose}; goes over that of the address.`),
  });

const unknownPolicy = (whose: string) =>
  z
    .enum(['accept', 'refuse'])
    .default('accept')
    .describe(
      `What becomes of an event of ${whose}: it is counted either way, and refused ones go to the dead letters.`,
    );

export const sections = {
  http: z.object({
    host: z.string().min(1).default('127.0.0.1').describe('Address that the HTTP server listens on.'),
    port: z.int().min(0).max(65_535).default(8080).describe('Port of the HTTP server; 0 takes a free one.'),
  }),
  logging: z.object({
    level: z
      .enum(logLevels)
      .default('warn')
      .describe('Least severe level that is written to standard error.'),
  }),
  kafka: credentials('the brokers'),
  schemaRegistry: credentials('the schema registry'),
  redis: credentials('Redis'),
  engine: z.object({
    commitIntervalMs: count().default(100).describe('Time between two commits of a task, ms.'),
    batchRecords: count().default(4096).describe('Most records that a task processes in one batch.'),
    cacheEntries: count().default(100_000).describe('Decoded state entries that a task keeps in memory.'),
  }),
  admission: z.object({
    latenessMs: z
      .int()
      .min(0)
      .default(10_000)
      .describe('How far behind the newest event an event may be before its time is moved up, ms.'),
    dedupHorizonMs: count()
      .default(24 * hourMs)
      .describe('Event time over which a repeated event id is recognised, ms.'),
    futureMs: z
      .int()
      .min(0)
      .default(hourMs / 12)
      .describe('How far ahead of the clock an event may be before it is refused, ms.'),
    unknownItem: unknownPolicy('an item that the catalogue does not have'),
    unknownUser: unknownPolicy('a user without a profile'),
  }),
  examples: z.object({
    outcomeWindowMs: count()
      .default(hourMs / 2)
      .describe('How long an example waits for what comes of it, in event time, ms.'),
  }),
  features: z.object({
    modules: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Modules that declare feature views of your own, or new versions of others: paths from the working directory.',
      ),
    ttlMs: z
      .record(z.string(), z.int().min(1))
      .default({})
      .describe(
        'How old rows may be for single features when answers are made, ms by `view.feature`; beyond it the feature falls back to its default. Over what the views declare.',
      ),
  }),
  privacy: z.object({
    userIds: z
      .enum(['pseudonyms', 'as-given'])
      .default('pseudonyms')
      .describe(
        'How users are named on the log: by pseudonyms of the vault in the data directory, or by the ids given, where producers have pseudonyms of their own.',
      ),
  }),
  offline: z.object({
    flushSeconds: z
      .number()
      .positive()
      .default(60)
      .describe('Time after which what has come is written to the archive, seconds.'),
    flushRecords: count()
      .default(200_000)
      .describe(
        'Records of a topic that are archived without waiting for that time; so many are held in memory.',
      ),
    eventsDays: count().default(90).describe('Event time for which the archive keeps events, days.'),
    featuresDays: count()
      .default(365)
      .describe('Event time for which the archive keeps examples and the history of views, days.'),
  }),
  simulation: z.object({
    seed: seed().default(1).describe('Seed of the simulated world.'),
    users: count().default(2000).describe('Number of simulated users.'),
    items: count().default(1000).describe('Number of items in the catalogue.'),
    events: count().default(200_000).describe('Number of events in the simulated past.'),
    days: count().default(30).describe('Length of the simulated past, days.'),
    liveEventsPerSecond: z
      .number()
      .min(0)
      .default(5)
      .describe('Events that the agents make each second while live; 0 for none.'),
  }),
  snapshots: z.object({
    everyHours: z
      .number()
      .min(0)
      .default(0)
      .describe(
        'Take a snapshot, and train on it, when the last one is this many hours old; 0 for only when asked.',
      ),
    everyExamples: z
      .int()
      .min(0)
      .default(0)
      .describe('Take a snapshot, and train on it, after this many new examples; 0 for only when asked.'),
    keep: count()
      .default(10)
      .describe('Newest snapshots that are kept, beside the one that the version in force was trained on.'),
    split: z
      .enum(['per-user-last', 'by-time'])
      .default('per-user-last')
      .describe('What is held out: the newest items of each user, or the newest of all examples.'),
    testShare: share(0.01).default(0.2).describe('Share of the positives that are held out for the test.'),
    validationShare: share(0).default(0.1).describe('Share of the positives before those, for validation.'),
    negatives: perPositive().describe('Negatives for each positive, drawn from all items alike.'),
    popularNegatives: perPositive().describe(
      'Negatives for each positive, drawn in proportion to how many positives the items had.',
    ),
    seed: seed().default(1).describe('Seed of the drawing of negatives.'),
    maxPsi: z
      .number()
      .positive()
      .default(0.25)
      .describe('Population stability index against the last snapshot above which a column is suspect.'),
    maxKs: z
      .number()
      .positive()
      .default(0.25)
      .describe('Kolmogorov-Smirnov statistic against the last snapshot above which a column is suspect.'),
    maxMissingIncrease: z
      .number()
      .positive()
      .default(0.1)
      .describe(
        'Rise of the share of missing values over the last snapshot above which a column is suspect.',
      ),
  }),
  training: z.object({
    seed: seed().default(1).describe('Seed of initial weights and of the order of examples.'),
    epochs: count()
      .optional()
      .describe('Passes over the examples; by default the trainer chooses by their number.'),
    dimension: count().default(64).describe('Length of the user and item vectors.'),
  }),
  gate: z.object({
    minimumLift: z
      .number()
      .min(0)
      .default(1)
      .describe(
        'A version is promoted when its quality is at least this many times that of the better popularity baseline.',
      ),
  }),
};

/** Options that belong to no section. */
export const topLevel = {
  data: z.string().min(1).default('.millrace').describe('Data directory, relative to the working directory.'),
  log: address('embedded', 'kafka')
    .default('embedded')
    .describe('The log: `embedded` in the data directory, or brokers as `kafka://host:9092[,host2:9092]`.'),
  registry: address('embedded', 'http', 'https')
    .default('embedded')
    .describe(
      'The schema registry: `embedded` in the log, or one with Confluent’s API as `http(s)://host/path`.',
    ),
  views: address('in-process', 'redis', 'rediss')
    .default('in-process')
    .describe('Where the rows of users lie for answers: `in-process`, or `redis://host:6379`.'),
};

function address(builtIn: string, ...schemes: readonly string[]) {
  const pattern = new RegExp(`^(?:${builtIn}|(?:${schemes.join('|')})://.+)$`);
  const forms = [builtIn, ...schemes.map((scheme) => `${scheme}://...`)];
  return z.string().regex(pattern, forms.join(' or '));
}
