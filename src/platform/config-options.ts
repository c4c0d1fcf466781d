/** Every option of the configuration: its form, its default and what it means. */
import { z } from 'zod';
import { meantMetric } from './config-gates.ts';
import { logLevels } from './logger.ts';

const hourMs = 3_600_000;
const count = () => z.int().min(1);
const seed = () => z.int().min(0).max(0xffff_ffff);
const share = (least: number) => z.number().min(least).max(0.45);
/** Read in full where it is used. */
const schedule = () => z.string().regex(/^(off|\S+( +\S+){4})$/, 'five fields of cron, or off');
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
    allowedHosts: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Names by which the server may be asked (header Host), beside addresses, `localhost` and the advertised one; others are refused, against pages that point their name at this machine. Where it listens beyond this machine and none are listed, any.',
      ),
    port: z.int().min(0).max(65_535).default(8080).describe('Port of the HTTP server; 0 takes a free one.'),
    advertised: z
      .string()
      .refine(isReceiver, 'http(s)://host:port, without a user')
      .optional()
      .describe(
        'Address at which other processes on the same log ask for stores that this one has; by default `http://host:port` of the two above; none with port 0, and where the host is 0.0.0.0 or ::, at which nobody can ask.',
      ),
  }),
  gateway: z.object({
    maxLag: z
      .int()
      .min(0)
      .default(100_000)
      .describe(
        'Events on the log that wait for admission above which POST /events answers 429, until fewer do; 0 for any number.',
      ),
  }),
  disk: z.object({
    reserveMb: z
      .number()
      .min(0)
      .default(256)
      .describe(
        'Room on the disk of the data directory below which POST /events answers 503, MB: what was taken before can still be processed. 0 for none. Not where the log is on Kafka.',
      ),
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
    threads: count()
      .default(1)
      .describe('Threads that process events; they share the tasks, of which each partition has a few.'),
    commitIntervalMs: count()
      .default(100)
      .describe('Time between two commits of a task, ms; a second at least while it is behind.'),
    batchRecords: count().default(4096).describe('Most records that a task processes in one batch.'),
    cacheEntries: count().default(80_000).describe('Decoded state entries that a task keeps in memory.'),
    standbys: z
      .int()
      .min(0)
      .default(0)
      .describe(
        'Copies of the state of each task in other processes on the same log, from which a task goes on elsewhere without a restore.',
      ),
    onRecordError: z
      .enum(['dead-letter', 'skip', 'fail'])
      .default('dead-letter')
      .describe(
        'What becomes of a record that cannot be decoded or whose handler throws: it goes to topic `dead-letters`, is left out, or ends processing. All are counted in `millrace_engine_rejected_records_total`.',
      ),
    guarantee: z
      .enum(['exactly-once', 'at-least-once'])
      .default('exactly-once')
      .describe(
        'What a crash makes of a commit of topologies that `millrace run` runs: `at-least-once` may write outputs again. The product’s own topologies are always exact.',
      ),
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
    userPendingEvents: count()
      .default(10_000)
      .describe(
        'Events of one user that may wait to be processed; `POST /events` refuses more with 429. Each server counts those that it has taken.',
      ),
    unknownItem: unknownPolicy('an item that the catalogue does not have'),
    unknownUser: unknownPolicy('a user without a profile'),
  }),
  examples: z.object({
    outcomeWindowMs: count()
      .default(hourMs / 2)
      .describe('How long an example waits for what comes of it, in event time, ms.'),
    weights: z
      .partialRecord(
        z.enum(['view', 'click', 'complete', 'like', 'comment', 'rating', 'purchase', 'quiz_score']),
        z.number().min(0),
      )
      .default({})
      .describe(
        'What an event counts in training, by its kind; 0 leaves the kind out. By default view and click count 0.5, the others 1.',
      ),
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
    publishRows: z
      .enum(['on', 'off'])
      .default('off')
      .describe(
        'Whether the rows of each view are published as records of their features, too, on topic `<view>-<version>-rows`, for consumers outside.',
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
    world: z
      .enum(['on', 'off'])
      .optional()
      .describe(
        'Whether a log without events gets a simulated world, and agents that live in it; `"simulation": "off"` says the same. By default on where the log is embedded, and off on Kafka, where others read the topics.',
      ),
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
    modelModules: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Modules that declare models of your own, for training.models: paths from the working directory.',
      ),
    seed: seed().default(1).describe('Seed of initial weights and of the order of examples.'),
    epochs: count()
      .optional()
      .describe('Passes over the examples; by default the trainer chooses by their number.'),
    dimension: count().default(64).describe('Length of the user and item vectors.'),
    textEncoder: z
      .string()
      .min(1)
      .optional()
      .describe(
        'ONNX file that reads the titles of items for models that read titles, as docs/MODELS.md says; by default they are read by their n-grams.',
      ),
    schedule: schedule()
      .default('0 3 * * *')
      .describe('When a running start trains anew, as five fields of cron in UTC, or `off`.'),
    refresh: schedule()
      .default('*/15 * * * *')
      .describe(
        'When a running start goes on training the version in force with new examples: as the schedule. Not where versions wait for an approval.',
      ),
    refreshExamples: count()
      .default(1000)
      .describe(
        'Records of topic `examples` since the last snapshot below which no refresh is begun. All count, also those of weight 0 and of an item that the user had before, from which nothing is learned.',
      ),
    overlap: z
      .enum(['skip', 'queue', 'cancel'])
      .default('skip')
      .describe(
        'What becomes of a run that is due while another is at work: it is skipped, it waits, or it takes the place of those that nobody asked for by hand.',
      ),
    deadlineMinutes: z
      .number()
      .positive()
      .default(360)
      .describe('Time after which a run that is at work has failed, minutes.'),
    retries: z
      .int()
      .min(0)
      .default(3)
      .describe('How often a step of a run is tried again after an error that may pass.'),
    patience: z
      .int()
      .min(0)
      .default(0)
      .describe(
        'Epochs without a better recall on the validation part after which a training ends; with 0 it learns from that part as well.',
      ),
    checkpointSteps: count()
      .default(100)
      .describe('Updates of the weights between two checkpoints, from which a run goes on after a crash.'),
    provider: z
      .enum(['cpu', 'webgpu', 'cuda', 'auto'])
      .default('cpu')
      .describe(
        'What computes the updates; `auto` takes the first of cuda, webgpu and cpu that starts. In place of one that does not start, the CPU does, and the reason is printed.',
      ),
    threads: count()
      .optional()
      .describe(
        'Threads that compute an update together, on the CPU, of models that can be divided: any number gives the same bytes. By default one a core; one less in a running start, which serves as well.',
      ),
  }),
  versions: z.object({
    promotion: z
      .enum(['automatic', 'by-approval'])
      .default('automatic')
      .describe(
        'Whether a version that passes the gates is promoted at once, or waits for `millrace promote`.',
      ),
    gates: z
      .record(z.string().max(100), z.number())
      .superRefine((gates, { addIssue }) => {
        for (const name of Object.keys(gates)) {
          const meant = meantMetric(name);
          if (meant !== undefined)
            addIssue({ code: 'custom', message: `a metric, as ${meant} is; ${name} is none` });
        }
      })
      .default({ 'recall@100': 0.1, 'sampled-ndcg@10': 0.3, auc: 0.6 })
      .describe('The least that a version must reach, by metric; asked of versions that have the metric.'),
    production: z
      .enum(['not-worse', 'any'])
      .default('not-worse')
      .describe(
        'Whether a version that is worse than the one in force on the same rows, beyond chance, is rejected.',
      ),
    keep: count()
      .default(10)
      .describe(
        'Newest versions of each role and status that a running start keeps; others are archived and their files removed, but for those in use.',
      ),
    keepDays: z.number().min(0).default(0).describe('Age below which every version is kept, days.'),
  }),
  admin: z.object({
    token: z
      .string()
      .min(16)
      .optional()
      .describe(
        'Bearer token of the requests under /admin and of PUT /users/USER/privacy, 16 characters or more; without one they are refused.',
      ),
  }),
  notifications: z.object({
    url: z
      .string()
      .refine(
        isReceiver,
        'http://... or https://... without a user; that a notification is ours is told by notifications.secret',
      )
      .optional()
      .describe('Where what becomes of versions is posted; nowhere by default.'),
    format: z
      .enum(['json', 'slack'])
      .default('json')
      .describe('What is posted: the event as JSON, or a message as Slack’s incoming webhooks take it.'),
    secret: z
      .string()
      .min(16)
      .optional()
      .describe(
        'Key of the signature (HMAC-SHA256) in the header x-millrace-signature, 16 characters or more; needed for `json`.',
      ),
    statuses: z
      .array(z.enum(['registered', 'evaluated', 'staged', 'promoted', 'rejected', 'rolled_back', 'archived']))
      .default(['promoted', 'rejected', 'rolled_back'])
      .describe('The steps of a version that are posted.'),
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
    .describe(
      'The log: `embedded` in the data directory, or brokers as `kafka://host:9092[,host2:9092]`; its parameters are in docs/SERVERS.md.',
    ),
  registry: address('embedded', 'http', 'https')
    .default('embedded')
    .describe(
      'The schema registry: `embedded` in the log, or one with Confluent’s API as `http(s)://host/path`; its parameters are in docs/SERVERS.md.',
    ),
  views: address('in-process', 'redis', 'rediss')
    .default('in-process')
    .describe(
      'Where the rows of users lie for answers: `in-process`, or `redis://host:6379/database?namespace=NAME`, `rediss://` for TLS.',
    ),
};

/** fetch refuses an address with a user in it, and shows the password where it does. */
function isReceiver(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

function address(builtIn: string, ...schemes: readonly string[]) {
  const pattern = new RegExp(`^(?:${builtIn}|(?:${schemes.join('|')})://.+)$`);
  const forms = [builtIn, ...schemes.map((scheme) => `${scheme}://...`)];
  return z.string().regex(pattern, forms.join(' or '));
}
