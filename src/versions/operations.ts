/** The routes that manage versions. */
import { InputError } from '#platform';
import { operation, type Refuse, wholeNumber, z } from '#platform/api';

const LONGEST_TEXT = 1_000;
const MAX_SEED = 2 ** 31 - 1;

const text = z
  .string()
  .min(1)
  .max(LONGEST_TEXT)
  .nullish()
  .transform((value) => value ?? undefined);
const actor = text.describe('Who asks.');
const reason = text.describe('Why.');

const refuse: { readonly body: Refuse } = {
  body: ({ path: [name] }) =>
    new InputError(
      'MR_ADMIN_REQUEST',
      name === undefined
        ? 'The body is not a JSON object.'
        : `${String(name)} is not a string of 1 to ${LONGEST_TEXT} characters.`,
      { hint: 'Send { "actor": "who asks", "reason": "why" }.' },
    ),
};

const refuseCommand: { readonly body: Refuse } = {
  body: ({ path, message }) =>
    new InputError('MR_ADMIN_REQUEST', `${['body', ...path].join('.')}: ${message}.`, {
      hint: 'Compare the body with /openapi.json.',
    }),
};

const decided = {
  description: 'It is done.',
  schema: z
    .strictObject({ command: z.string(), version: z.string().nullable(), status: z.string().nullable() })
    .meta({ id: 'Decided' }),
};
/** What the deciding task refuses has its code. */
const refusals = [
  'MR_VERSION_IN_FORCE',
  'MR_VERSION_NOT_IN_FORCE',
  'MR_VERSION_NOT_PROMOTABLE',
  'MR_VERSION_NO_PREVIOUS',
  'MR_VERSION_UNKNOWN',
];
const errors = { 400: ['MR_ADMIN_REQUEST'], 409: refusals };
const ANSWERS = 'Answers when it is decided; 409 where it is refused.';

export const promote = operation({
  id: 'promote',
  method: 'POST',
  path: '/admin/versions/:version/promote',
  tag: 'admin',
  access: { right: 'promote', refuseUnlimited: true },
  summary: 'Put a version in force.',
  description: ANSWERS,
  params: z.object({ version: z.string() }),
  body: z.object({ actor, reason }).nullish(),
  answer: { ...decided, example: { command: 'promote', version: '46e490558d92', status: 'promoted' } },
  errors,
  example: { params: { version: '46e490558d92' }, body: { actor: 'ann', reason: 'better for new users' } },
  refuse,
});

export const rollback = operation({
  id: 'rollback',
  method: 'POST',
  path: '/admin/rollback',
  tag: 'admin',
  access: { right: 'promote', refuseUnlimited: true },
  summary: 'Return to the version promoted before.',
  description: ANSWERS,
  body: z.object({ actor, reason, version: text.describe('The version that is to go.') }).nullish(),
  answer: { ...decided, example: { command: 'rollback', version: '46e490558d92', status: 'rolled_back' } },
  errors,
  example: { body: { actor: 'ann', reason: 'clicks fell' } },
  refuse,
});

const MOST_HOURS = 7 * 24;
const DEFAULT_HOURS = 24;
const share = z.number().nullable();
const itemCounts = {
  answered: z.number().describe('Items in answers to users that the log knows.'),
  shown: z.number().describe('Those that an impression with the request id confirms.'),
  clicked: z.number(),
  positive: z.number().describe('Completed, liked, commented, rated, bought, or answered as a quiz.'),
  click_rate: share.describe('Clicked of those shown; of those answered where nobody publishes impressions.'),
};

const comparison = z.strictObject({
  mode: z
    .enum(['swap', 'shadow'])
    .describe(
      'swap: by recorded requests, before it was put in use; shadow: by requests since it was staged.',
    ),
  production: z.string().describe('The version that was in use.'),
  requests: z.number(),
  overlap: share.describe('Mean share of the first ten items that both have.'),
  correlation: z.number().nullable().describe('Mean Spearman rank correlation of the scores, -1 to 1.'),
  difference: z.number().nullable().describe('Mean absolute difference of the scores.'),
});

const listed = z
  .looseObject({
    version: z.string(),
    status: z.string(),
    serving: z.boolean().describe('Whether it is in force.'),
    role: z.string(),
    kind: z.string().describe('Kind of model.'),
    ts: z.number().describe('When the status last changed, ms since the epoch.'),
    actor: z.string().nullable(),
    reason: z.string().nullable(),
    model: z.record(z.string(), z.number()).describe('Metrics by name.'),
    popularity: z.record(z.string(), z.number()),
    decayedPopularity: z.record(z.string(), z.number()),
    lastDay: z
      .strictObject(itemCounts)
      .describe('Outcomes of the items that it found or ranked in the last day’s answers.'),
    agreement: z
      .array(comparison)
      .describe('With the version in use, as the responder of this process has compared them.'),
  })
  .meta({
    id: 'ListedVersion',
    description: 'As `millrace versions --json` prints it, with what came of its answers.',
  });

export const listVersions = operation({
  id: 'listVersions',
  method: 'GET',
  path: '/versions',
  tag: 'versions',
  access: { right: 'observe' },
  summary: 'What has been trained or published, and what became of it.',
  answer: {
    description: 'In the order of registration.',
    schema: z.strictObject({ versions: z.array(listed) }),
  },
});

const drift = z
  .strictObject({
    psi: z.number().describe('Population stability index: 0.1 is a shift worth a look, 0.25 a large one.'),
    reference: z
      .enum(['snapshot', 'first-hour'])
      .describe('What it is measured against: what the version learned from, or the first hour kept.'),
  })
  .nullable();
const decile = { shown: z.number(), expected: z.number(), taken: z.number() };

export const readQuality = operation({
  id: 'readQuality',
  method: 'GET',
  path: '/quality',
  access: { right: 'observe' },
  tag: 'versions',
  summary: 'What came of answers, by version, ranker and variant.',
  description:
    'From topics answer-outcomes and answer-contents, which keep seven days. What follows an answer counts for half an hour.',
  query: z.object({
    hours: wholeNumber({ min: 1, max: MOST_HOURS })
      .default(DEFAULT_HOURS)
      .describe('How many hours with answers to report on, the current one included.'),
  }),
  answer: {
    description: 'The most answers first.',
    schema: z
      .strictObject({
        from: z.number().nullable().describe('Answers from here on, ms since the epoch; null without any.'),
        to: z.number().nullable(),
        answers: z.array(
          z
            .strictObject({
              version: z.string().nullable(),
              ranker: z.string().nullable(),
              variant: z.string().nullable().describe('Variant of the experiment; null outside experiments.'),
              answers: z.number(),
              unknown_users: z.number().describe('Answers to users that the log does not know.'),
              degraded: z.number(),
              ...itemCounts,
              sources: z.array(z.strictObject({ source: z.string(), ...itemCounts })),
              positions: z
                .array(z.strictObject(itemCounts))
                .describe('By place in the answer, from 0; the 21st is all that follow.'),
              calibration: z
                .strictObject({ ...decile, error: z.number(), deciles: z.array(z.strictObject(decile)) })
                .nullable()
                .describe(
                  'Chances that the ranker gave to shown items, and what came true; null where it gives none.',
                ),
              distinct_items: z.number().describe('About how many different items were in the answers.'),
              scores: z.strictObject({ count: z.number(), p10: share, p50: share, p90: share, drift }),
            })
            .meta({ id: 'AnswerQuality' }),
        ),
        inputs: z
          .array(
            z.strictObject({
              feature: z.string(),
              count: z.number(),
              missing: z.number().describe('Share of rows without a value.'),
              p50: share,
              drift,
            }),
          )
          .describe(
            'What the ranker in force was given in the newest hour; empty where answers do not keep it.',
          ),
      })
      .meta({ id: 'Quality' }),
    example: { from: null, to: null, answers: [], inputs: [] },
  },
  errors: { 400: ['MR_QUALITY_HOURS'] },
  example: { query: { hours: 24 } },
  refuse: {
    query: () =>
      new InputError('MR_QUALITY_HOURS', `hours must be a whole number from 1 to ${MOST_HOURS}.`, {
        hint: `Omit it for ${DEFAULT_HOURS} hours.`,
      }),
  },
});

const sent = {
  status: 202,
  description: 'The command is on the log; the trainer carries it out.',
  schema: z.strictObject({ command_id: z.string() }).meta({ id: 'SentCommand' }),
};

export const train = operation({
  id: 'train',
  method: 'POST',
  path: '/admin/train',
  tag: 'admin',
  access: { right: 'train', refuseUnlimited: true },
  summary: 'Take a snapshot, train on it, and submit the version to the gates.',
  description: 'What comes of it is on topics runs and versions: GET /versions has the version.',
  body: z
    .strictObject({
      actor,
      reason,
      models: z
        .array(z.string().min(1).max(LONGEST_TEXT))
        .max(20)
        .nullish()
        .describe('Kinds of models; without them, those of the configuration.'),
      seed: z.int().min(0).max(MAX_SEED).nullish(),
      force: z.boolean().nullish().describe('Also on a suspect snapshot.'),
    })
    .nullish(),
  answer: { ...sent, example: { command_id: 'train-5f1c3f34' } },
  errors: { 400: ['MR_ADMIN_REQUEST'] },
  example: { body: { actor: 'ann', reason: 'new catalogue', models: ['two-tower'] } },
  refuse: refuseCommand,
});

export const reindex = operation({
  id: 'reindex',
  method: 'POST',
  path: '/admin/reindex',
  tag: 'admin',
  access: { right: 'train', refuseUnlimited: true },
  summary: 'Rebuild the index of the version in force from the whole catalogue.',
  body: z.strictObject({ actor, reason }).nullish(),
  answer: { ...sent, example: { command_id: 'reindex-5f1c3f34' } },
  errors: { 400: ['MR_ADMIN_REQUEST'] },
  example: { body: { actor: 'ann' } },
  refuse: refuseCommand,
});

export const VERSION_OPERATIONS = [listVersions, readQuality, promote, rollback, train, reindex];
