/** The routes that manage versions. */
import { InputError } from '#platform';
import { operation, type Refuse, z } from '#platform/api';

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
  summary: 'Put a version in force.',
  description: ANSWERS,
  isAdmin: true,
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
  summary: 'Return to the version promoted before.',
  description: ANSWERS,
  isAdmin: true,
  body: z.object({ actor, reason, version: text.describe('The version that is to go.') }).nullish(),
  answer: { ...decided, example: { command: 'rollback', version: '46e490558d92', status: 'rolled_back' } },
  errors,
  example: { body: { actor: 'ann', reason: 'clicks fell' } },
  refuse,
});

const listed = z
  .looseObject({
    version: z.string(),
    status: z.string(),
    serving: z.boolean().describe('Whether it is in force.'),
    role: z.string(),
    kind: z.string().describe('Kind of model.'),
    ts: z.number().describe('Of the last change of status, ms since the epoch.'),
    actor: z.string().nullable(),
    reason: z.string().nullable(),
    model: z.record(z.string(), z.number()).describe('Metrics by name.'),
    popularity: z.record(z.string(), z.number()),
    decayedPopularity: z.record(z.string(), z.number()),
  })
  .meta({ id: 'ListedVersion', description: 'As `millrace versions --json` prints it.' });

export const listVersions = operation({
  id: 'listVersions',
  method: 'GET',
  path: '/versions',
  tag: 'versions',
  summary: 'What has been trained or published, and what became of it.',
  answer: {
    description: 'In the order of registration.',
    schema: z.strictObject({ versions: z.array(listed) }),
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
  summary: 'Take a snapshot, train on it, and submit the version to the gates.',
  description: 'What comes of it is on topics runs and versions: GET /versions has the version.',
  isAdmin: true,
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
  summary: 'Build the index of the version in force anew, over the whole catalogue.',
  isAdmin: true,
  body: z.strictObject({ actor, reason }).nullish(),
  answer: { ...sent, example: { command_id: 'reindex-5f1c3f34' } },
  errors: { 400: ['MR_ADMIN_REQUEST'] },
  example: { body: { actor: 'ann' } },
  refuse: refuseCommand,
});

export const VERSION_OPERATIONS = [listVersions, promote, rollback, train, reindex];
