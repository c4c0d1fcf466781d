/** The routes of queries. */
import { operation, type Refuse, wholeNumber, z } from '#platform/api';
import { PEER_PATH } from './peers.ts';
import type { Position } from './position.ts';
import { DEFAULT_LIMIT, invalidQuery, MAX_LIMIT } from './query.ts';

const time = wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER }).optional();
const position = z
  .string()
  .transform((text, context) => positionFrom(text) ?? context.addIssue('no position') ?? z.NEVER)
  .optional()
  .meta({ wire: { type: 'string' } })
  .describe('The answer has to have taken all that lies before: JSON, `{"topic": {"0": 17}}`.');
const role = z.enum(['active', 'standby']);
const offsets = z
  .record(z.string(), z.record(z.string(), z.number()))
  .meta({ id: 'Position', description: 'Offsets by topic and partition.' });

const expected: Readonly<Record<string, string>> = {
  limit: `the limit is not a whole number from 1 to ${MAX_LIMIT}`,
  staleness: 'staleness is none or standby',
  position: 'position is not JSON with offsets by topic and partition',
};
const refuse: Refuse = ({ path: [name = ''] }) =>
  invalidQuery(expected[String(name)] ?? `${String(name)} is not a whole number, or not a time in ms`);

export const listStores = operation({
  id: 'listStores',
  method: 'GET',
  path: '/stores',
  tag: 'stores',
  access: { right: 'stores' },
  summary: 'The stores of the processors.',
  answer: {
    description: 'In the order of their declaration.',
    schema: z.strictObject({
      stores: z.array(
        z.strictObject({ name: z.string(), subTopology: z.string(), partitions: z.int(), kind: z.string() }),
      ),
    }),
    example: {
      stores: [
        { name: 'item-views/item-features', subTopology: 'item-views', partitions: 8, kind: 'key-value' },
      ],
    },
  },
});

export const queryStore = operation({
  id: 'queryStore',
  method: 'GET',
  path: '/stores/*',
  shownAs: {
    path: '/stores/{processor}/{store}',
    params: z.object({ processor: z.string(), store: z.string() }),
  },
  tag: 'stores',
  access: { right: 'stores' },
  summary: 'Committed entries of a store: of a key, by prefix, of a range, or windows of a key.',
  params: z.object({ '*': z.string() }),
  query: z.object({
    key: z.string().optional().describe('One entry; of a store with windows, all of the key.'),
    prefix: z.string().optional().describe('Entries whose keys begin with it.'),
    from: z.string().optional().describe('Entries from this key on.'),
    to: z.string().optional().describe('Entries up to, not including, this key.'),
    fromMs: time.describe('Windows of the key that start at this time or later.'),
    toMs: time.describe('Windows of the key that start before this time.'),
    limit: wholeNumber({ min: 1, max: MAX_LIMIT })
      .optional()
      .describe(`Entries at most; ${DEFAULT_LIMIT} without it.`),
    after: z.string().optional().describe('`next` of the answer before.'),
    staleness: z.enum(['none', 'standby']).optional().describe('`standby`: a copy that lags may answer.'),
    position,
  }),
  answer: {
    description: 'By key, then partition.',
    schema: z.strictObject({
      store: z.string(),
      entries: z.array(
        z.looseObject({ key: z.string(), value: z.unknown(), partition: z.int() }).meta({ id: 'StoreEntry' }),
      ),
      position: offsets,
      copies: z.array(z.strictObject({ partition: z.int(), role, memberId: z.string() })),
      next: z.string().optional(),
    }),
    example: {
      store: 'item-views/item-features',
      entries: [{ key: 'i1', value: { events: 7 }, partition: 3 }],
      position: { 'interactions-accepted': { '3': 120 } },
      copies: [{ partition: 3, role: 'active', memberId: 'm-1' }],
    },
  },
  errors: { 400: ['MR_QUERY_INVALID'], 404: ['MR_QUERY_STORE_UNKNOWN'] },
  example: { params: { processor: 'item-views', store: 'item-features' }, query: { key: 'i1' } },
  refuse: { query: refuse },
});

export const readRows = operation({
  id: 'readTaskRows',
  method: 'GET',
  path: PEER_PATH,
  tag: 'internal',
  access: { right: 'peer' },
  summary: 'What the queries of other processes ask of the tasks in this one; keys and rows are base64url.',
  params: z.object({ subTopology: z.string(), partition: wholeNumber({ min: 0, max: 1e9 }) }),
  query: z.object({
    store: z.string().default(''),
    role: role.default('active'),
    key: z.string().optional(),
    gte: z.string().default(''),
    lt: z.string().default(''),
    limit: wholeNumber({ min: 1, max: MAX_LIMIT + 1 }).default(MAX_LIMIT),
  }),
  answer: {
    description: 'Rows with the offsets that they stand for.',
    schema: z.strictObject({
      rows: z.array(z.tuple([z.string(), z.string()])),
      complete: z.boolean(),
      position: z.record(z.string(), z.number()),
    }),
    example: { rows: [['aTE', 'e30']], complete: true, position: { 'interactions-accepted': 120 } },
  },
  errors: { 400: ['MR_QUERY_INVALID'], 404: ['MR_QUERY_STORE_UNKNOWN'] },
  example: {
    params: { subTopology: 'interactions-accepted', partition: 0 },
    query: { store: 'user-views/user-features', gte: '', lt: '_w', limit: 1 },
  },
  refuse: { params: refuse, query: refuse },
});

function positionFrom(text: string): Position | undefined {
  try {
    const given: unknown = JSON.parse(text);
    const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isMap(given) && Object.values(given as object).every(isMap)) return given as Position;
  } catch {}
  return undefined;
}

export const QUERY_OPERATIONS = [listStores, queryStore, readRows];
