/** The routes of responders. */
import { operation, type Refuse, wholeNumber, z } from '#platform/api';
import { invalidUserId } from '#privacy';
import { contextProblem, contextQuery, contextSchema, device, idText } from '#schemas/api';
import { explain } from './explain/operations.ts';
import { badRequest, FEATURE_HINT, MOST_ITEMS, tooManyItems } from './features/query-check.ts';
import { contextRefused, countRefused, DEFAULT_ITEMS, MAX_ITEMS, requestIdRefused } from './refusals.ts';

const MOST_REQUESTS = 100;
const MOST_RANKED_ITEMS = 500;
const MOST_RECENT = 200;

/** What a request says of itself beside its context. */
const details = {
  session_id: idText.optional().describe('As events carry it.'),
  current_item: idText
    .optional()
    .describe('What is being looked at: not in the answer, and the newest of interest.'),
  category: idText.optional().describe('The only category of the answer.'),
};
const MOST_NAMED = 1_000;

const k = wholeNumber({ min: 1, max: MAX_ITEMS }).default(DEFAULT_ITEMS).describe('How many items.');
const itemId = z.string().describe('The id of an item.');

const source = z
  .enum([
    'index',
    'popular',
    'trending',
    'new',
    'followed_category',
    'popular_in_country',
    'popular_in_cohort',
    'co_visited',
    'promoted',
  ])
  .meta({
    id: 'CandidateSource',
    description: 'What found the item first: the version in use (index), or one of the other sources.',
  });

const recommendedItem = z
  .strictObject({
    item_id: z.string(),
    title: z.string(),
    score: z
      .number()
      .describe('By the ranker, or the version that found it; of what neither scored, by its source.'),
    source,
    propensity: z.number().describe('Probability with which it was put in its place.'),
  })
  .meta({ id: 'RecommendedItem' });

const answered = {
  request_id: z.string().describe('Events that the answer leads to carry it.'),
  ts: z.number().describe('When the answer was given, ms since the epoch.'),
  version: z.string().nullable().describe('The version in use; null when there is none.'),
  ranker: z
    .string()
    .nullable()
    .describe('The version that put the items in order; null where the one in use did.'),
  degraded: z
    .string()
    .nullable()
    .describe('The code of the first thing that was missing: rows, version, ranker or time.'),
};

const recommendation = z
  .strictObject({
    ...answered,
    user_id: z.string(),
    k: z.int(),
    items: z
      .array(recommendedItem)
      .describe('In the order to be shown; fewer than k when there are no more that may be shown.'),
    latency_ms: z.number(),
  })
  .meta({ id: 'Recommendation' });

const recommendationExample = {
  request_id: 'home-1',
  user_id: 'u1',
  ts: 1_767_225_600_000,
  version: '46e490558d92',
  ranker: null,
  degraded: null,
  k: 1,
  items: [{ item_id: 'i1', title: 'A film', score: 0.73, source: 'index', propensity: 1 }],
  latency_ms: 1.4,
};

const refuseUser: Refuse = ({ message }) => invalidUserId(message);
const refuseAsked: Refuse = (issue) =>
  issue.path[0] === 'k' ? countRefused() : contextRefused(contextProblem(issue));

export const recommend = operation({
  id: 'recommend',
  method: 'GET',
  path: '/recommend/:user_id',
  tag: 'recommendations',
  access: { right: 'recommend', users: 'params.user_id' },
  summary: 'What a user should be shown.',
  description:
    'None of the newest 1,000 items that the user has seen. Unknown users, and those who have opted out, get popular items.',
  params: z.object({ user_id: idText.describe('As events carry it.') }),
  query: z.object({ k, ...contextQuery, ...details }),
  isRecorded: true,
  answer: {
    description: 'The answer, which is logged.',
    schema: recommendation,
    example: recommendationExample,
  },
  errors: {
    400: [
      'MR_PRIVACY_USER',
      'MR_RECOMMEND_K',
      'MR_RECOMMEND_CONTEXT',
      'MR_RECOMMEND_REQUEST',
      'MR_RECOMMEND_TIME',
    ],
  },
  example: { params: { user_id: 'u1' }, query: { k: 3, device: 'tv' } },
  refuse: { params: refuseUser, query: refuseAsked },
});

export const similar = operation({
  id: 'similar',
  method: 'GET',
  path: '/similar/:item_id',
  tag: 'recommendations',
  access: { right: 'recommend', users: 'none' },
  summary: 'The items most like another one, by the version in use.',
  params: z.object({ item_id: itemId }),
  query: z.object({ k }),
  answer: {
    description: 'Most alike first.',
    schema: z
      .strictObject({
        item_id: z.string(),
        version: z.string(),
        k: z.int(),
        items: z.array(z.strictObject({ item_id: z.string(), title: z.string(), score: z.number() })),
      })
      .meta({ id: 'SimilarItems' }),
    example: {
      item_id: 'i1',
      version: '46e490558d92',
      k: 1,
      items: [{ item_id: 'i2', title: 'Another film', score: 0.41 }],
    },
  },
  errors: { 400: ['MR_RECOMMEND_K', 'MR_SIMILAR_ITEM', 'MR_SIMILAR_MODEL'] },
  example: { params: { item_id: 'i1' }, query: { k: 3 } },
  refuse: { query: countRefused },
});

const row = z
  .strictObject({
    features: z.record(z.string(), z.unknown()),
    found: z
      .boolean()
      .describe('Where there is no row, the features are those of an entity of which nothing is known.'),
    freshness_ms: z.number().nullable().describe('From the newest event in the row to now.'),
    expired: z.array(z.string()).describe('Features at their default because the row is too old for them.'),
  })
  .meta({ id: 'FeatureRow' });
const rowsByView = z.record(z.string(), row.nullable()).meta({
  id: 'RowsByView',
  description: 'Null: of the user and the category, for an item that is unknown.',
});

const features = z
  .strictObject({
    ts: z.number().describe('The moment that the features are of, ms.'),
    user: z.strictObject({ user_id: z.string(), views: rowsByView }).optional(),
    items: z.array(z.strictObject({ item_id: z.string(), views: rowsByView })).optional(),
    context: z
      .strictObject({
        hour: z.int(),
        weekday: z.int(),
        device: device.nullable(),
        country: z.string().nullable(),
        language: z.string().nullable(),
        session_position: z.number(),
      })
      .optional(),
  })
  .meta({ id: 'Features' });
const featuresAnswer = {
  description: 'Rows by view.',
  schema: features,
  example: {
    ts: 1_767_225_600_000,
    user: {
      user_id: 'u1',
      views: {
        'user-features': { features: { events: 12 }, found: true, freshness_ms: 840, expired: [] },
      },
    },
  },
};
const views = z
  .string()
  .transform((text) => (text === '' ? [] : text.split(',')))
  .optional()
  .meta({ wire: { type: 'string' }, description: 'Names of views, separated by commas; all without it.' });
const featureErrors = {
  400: ['MR_FEATURES_ENTITY', 'MR_FEATURES_REQUEST', 'MR_FEATURES_UNKNOWN_VIEW', 'MR_PRIVACY_USER'],
};

export const userFeatures = operation({
  id: 'userFeatures',
  method: 'GET',
  path: '/features/user/:user_id',
  tag: 'features',
  access: { right: 'features', users: 'params.user_id' },
  summary: 'The features of a user as they are now.',
  params: z.object({ user_id: idText }),
  query: z.object({ views }),
  answer: featuresAnswer,
  errors: featureErrors,
  example: { params: { user_id: 'u1' }, query: { views: 'user-features' } },
  refuse: { params: refuseUser, query: ({ message }) => badRequest(`${message}.`, FEATURE_HINT) },
});

export const itemFeatures = operation({
  id: 'itemFeatures',
  method: 'GET',
  path: '/features/item/:item_id',
  tag: 'features',
  access: { right: 'features', users: 'none' },
  summary: 'The features of an item as they are now.',
  params: z.object({ item_id: itemId }),
  query: z.object({ views }),
  answer: featuresAnswer,
  errors: featureErrors,
  example: { params: { item_id: 'i1' } },
  refuse: {
    params: ({ message }) => badRequest(`An item id ${message}.`, 'Use the ids that events carry.'),
    query: ({ message }) => badRequest(`${message}.`, FEATURE_HINT),
  },
});

const orAbsent = <S extends z.ZodType>(schema: S) =>
  schema.nullish().transform((value) => value ?? undefined);

export const readFeatures = operation({
  id: 'readFeatures',
  method: 'POST',
  path: '/features',
  tag: 'features',
  access: { right: 'features', users: 'body.user' },
  summary: 'Features of a user, of items, of the user with each of them, and of the request itself.',
  body: z.strictObject({
    user: orAbsent(z.string()),
    items: orAbsent(z.array(z.string()).max(MOST_ITEMS)),
    views: orAbsent(z.array(z.string())),
    context: orAbsent(contextSchema),
  }),
  answer: featuresAnswer,
  errors: featureErrors,
  example: { body: { user: 'u1', items: ['i1'], context: { device: 'tv' } } },
  refuse: {
    body: (issue) => {
      const { code, path, input } = issue;
      const [field] = path;
      if (field === 'context') return badRequest(`${contextProblem(issue)}.`, FEATURE_HINT);
      if (code === 'unrecognized_keys') {
        return badRequest(`The body has no field ${JSON.stringify(issue.keys[0])}.`, FEATURE_HINT);
      }
      if (field === undefined) return badRequest('The body is not a JSON object.', FEATURE_HINT);
      if (code === 'too_big') return tooManyItems((input as readonly unknown[]).length);
      const form = field === 'user' ? 'a string' : 'a list of strings';
      return badRequest(`${String(field)} is not ${form}.`, FEATURE_HINT);
    },
  },
});

const filters = z
  .strictObject({
    languages: z.array(idText).min(1).max(20).optional().describe('BCP 47; items without a language pass.'),
    max_age_days: z.number().positive().optional().describe('Since items came to the catalogue.'),
    allow: z.array(idText).max(MOST_NAMED).optional().describe('The only items that may be shown.'),
    deny: z.array(idText).max(MOST_NAMED).optional().describe('Items that may not be shown.'),
  })
  .meta({ id: 'Filters', description: 'What to leave out, beside what may not be shown at all.' });

const recommendRequest = z
  .strictObject({
    user_id: z.string().optional().describe('As events carry it.'),
    recent_items: z
      .array(idText)
      .max(MOST_RECENT)
      .optional()
      .describe('What an anonymous session has met, newest first; no user is read, and none is logged.'),
    k: z.int().min(1).max(MAX_ITEMS).default(DEFAULT_ITEMS).describe('How many items.'),
    context: contextSchema.optional(),
    ...details,
    filters: filters.optional(),
    request_id: idText.optional().describe('Names the answer; made where it is absent.'),
  })
  .refine(({ user_id, recent_items }) => (user_id === undefined) !== (recent_items === undefined), {
    error: 'either user_id or recent_items is required',
  })
  .meta({
    id: 'RecommendRequest',
    description: 'For a user, or for an anonymous session by its recent items.',
    oneOf: [{ required: ['user_id'] }, { required: ['recent_items'] }],
  });

const itemAnswer = z
  .strictObject({
    answer: z
      .strictObject({ ...recommendation.shape, user_id: z.string().nullable() })
      .optional()
      .describe('The user is null for a session.'),
    error: z
      .strictObject({ status: z.int(), code: z.string(), message: z.string(), hint: z.string().optional() })
      .optional(),
  })
  .meta({ id: 'BatchAnswer', description: 'Either the answer, or why there is none for this request.' });

export const recommendMany = operation({
  id: 'recommendMany',
  method: 'POST',
  path: '/recommend',
  tag: 'recommendations',
  access: { right: 'recommend', users: 'body.requests.*.user_id' },
  summary: 'What each of up to 100 users or anonymous sessions should be shown.',
  description:
    'A request whose form is wrong is refused as a whole; what fails of one user is their error alone.',
  body: z.strictObject({ requests: z.array(recommendRequest).min(1).max(MOST_REQUESTS) }),
  answer: {
    description: 'In the order of the requests.',
    schema: z.strictObject({ answers: z.array(itemAnswer) }),
    example: {
      answers: [
        { answer: recommendationExample },
        {
          error: {
            status: 400,
            code: 'MR_PRIVACY_USER',
            message: 'A user id must have 1 to 128 characters.',
          },
        },
      ],
    },
  },
  errors: { 400: ['MR_RECOMMEND_K', 'MR_RECOMMEND_CONTEXT', 'MR_RECOMMEND_REQUEST', 'MR_RECOMMEND_TIME'] },
  example: { body: { requests: [{ user_id: 'u1', k: 3 }, { recent_items: ['i1', 'i2'] }] } },
  refuse: {
    body: (issue) => {
      const [, , field] = issue.path;
      if (field === 'k') return countRefused();
      if (field === 'context') return contextRefused(contextProblem(issue));
      return field === 'request_id' ? requestIdRefused(issue.message) : undefined;
    },
  },
});

export const rank = operation({
  id: 'rank',
  method: 'POST',
  path: '/rank',
  tag: 'recommendations',
  access: { right: 'recommend', users: 'body.user_id' },
  summary: 'The given items in the order in which a user should see them.',
  description:
    'Ordered by the ranker in force, or by the scores of the version that finds items where there is none. The answer is not logged.',
  body: z.strictObject({
    user_id: idText.describe('As events carry it.'),
    items: z.array(idText).min(1).max(MOST_RANKED_ITEMS).describe('Those named twice are answered once.'),
    context: contextSchema.optional(),
  }),
  answer: {
    description: 'Every item is among `items` or among `unranked`.',
    schema: z
      .strictObject({
        ...answered,
        user_id: z.string(),
        items: z.array(z.strictObject({ item_id: z.string(), score: z.number() })).describe('Best first.'),
        unranked: z.array(
          z.strictObject({
            item_id: z.string(),
            reason: z
              .enum(['unknown', 'unavailable', 'unscored'])
              .describe('Not in the catalogue, not available, or nothing in force scores it for the user.'),
          }),
        ),
        latency_ms: z.number(),
      })
      .meta({ id: 'RankedItems' }),
    example: {
      request_id: 'home-1',
      user_id: 'u1',
      ts: 1_767_225_600_000,
      version: '46e490558d92',
      ranker: null,
      degraded: null,
      items: [{ item_id: 'i1', score: 0.73 }],
      unranked: [{ item_id: 'i2', reason: 'unavailable' }],
      latency_ms: 1.1,
    },
  },
  errors: { 400: ['MR_PRIVACY_USER', 'MR_RECOMMEND_CONTEXT', 'MR_RECOMMEND_TIME'] },
  example: { body: { user_id: 'u1', items: ['i1', 'i2'] } },
  refuse: {
    body: (issue) => {
      const [field] = issue.path;
      if (field === 'context') return contextRefused(contextProblem(issue));
      return field === 'user_id' && typeof issue.input === 'string'
        ? invalidUserId(issue.message)
        : undefined;
    },
  },
});

export const RESPONDER_OPERATIONS = [
  recommend,
  recommendMany,
  rank,
  similar,
  explain,
  userFeatures,
  itemFeatures,
  readFeatures,
];
