import { operation, z } from '#platform/api';
import { idText } from '#schemas/api';

const number = z.number().nullable();
const text = z.string().nullable();

const contributions = z.strictObject({
  version: z.string().describe('The version that scored the item.'),
  method: z
    .enum(['tree-shap', 'sampled-shapley'])
    .describe('Exact Shapley values of trees; of other models, by a fixed sample of orders.'),
  scale: z.enum(['score', 'before calibration']).describe('What base and contributions add up to.'),
  base: z.number().describe('The score of one of whom and which nothing is known.'),
  total: z.number(),
  score: z.number().describe('As the model answers.'),
  parts: z
    .array(
      z.strictObject({
        name: z.string(),
        value: z.union([z.number(), z.string()]).nullable(),
        contribution: z.number(),
      }),
    )
    .describe('Greatest first.'),
  features: z
    .strictObject({ origin: z.enum(['logged', 'recomputed']), matches: z.boolean().nullable() })
    .nullable()
    .describe(
      'Recomputed features are those of the time of the answer by the rows as they are now; matches: they hash to what the answer’s event says.',
    ),
  reproduces: z.boolean().nullable().describe('Whether the model arrives at the score of the answer.'),
});

const lineage = z.strictObject({
  version: z.string(),
  role: z.string(),
  model: z.string(),
  run_id: text,
  directory: z.string(),
  snapshot_id: text.describe('Null for a version that was trained elsewhere.'),
  snapshot: z
    .strictObject({
      ts: z.number(),
      watermark: z.number(),
      offsets: z.array(
        z.strictObject({ topic: z.string(), partition: z.int(), start: z.number(), end: z.number() }),
      ),
      views: z.array(z.strictObject({ name: z.string(), version: z.int(), declaration: z.string() })),
    })
    .nullable()
    .describe('Null where it was retired.'),
});

export const explain = operation({
  id: 'explain',
  method: 'GET',
  path: '/explain/:request_id/:item_id',
  tag: 'recommendations',
  access: { right: 'observe' },
  summary: 'Why an item is in an answer, or is not, and what its score was made of.',
  description:
    'Read from topic answers by any responder. It tells of any user: users’ own tokens do not give the right.',
  params: z.object({ request_id: idText, item_id: idText }),
  query: z.object({
    ts: z.coerce
      .number()
      .min(0)
      .max(8e15)
      .optional()
      .describe('About when it was given, ms since the epoch: for ids that clients have chosen.'),
    user_id: idText.optional().describe('Whom it was given to: narrows the search.'),
  }),
  answer: {
    description: 'What became of the item, and why.',
    schema: z
      .strictObject({
        request_id: z.string(),
        item_id: z.string(),
        ts: z.number(),
        outcome: z
          .enum(['shown', 'not_shown', 'dropped', 'not_found', 'not_kept'])
          .describe('not_kept: it was not shown, and the event does not keep what else there was.'),
        place: number.describe('In the answer, from 1.'),
        rank: number.describe('Among the candidates by their scores, from 1.'),
        candidates: number,
        source: text,
        sources: z.array(z.string()),
        source_score: number,
        score: number,
        propensity: number,
        dropped: text.describe('The filter that took it out.'),
        version: text,
        ranker: text,
        variant: text,
        degraded: text,
        contributions: contributions.nullable(),
        unexplained: text.describe('Why there are no contributions.'),
        features_ts: number,
        record: z.strictObject({ topic: z.string(), partition: z.int(), offset: z.number() }),
        lineage: z.array(lineage),
      })
      .meta({ id: 'Explanation' }),
  },
  errors: { 404: ['MR_EXPLAIN_NOT_FOUND'], 503: ['MR_EXPLAIN_BUSY'] },
  example: { params: { request_id: 'home-1', item_id: 'i1' } },
});
