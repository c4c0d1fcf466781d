/** The routes of the gateway. */
import { InputError } from '#platform';
import { operation, type Refuse, z } from '#platform/api';
import { invalidUserId } from '#privacy';
import { idText } from '#schemas/api';
import { eventSchema } from './event-schema.ts';

/** Most events of one request. */
export const MAX_BATCH_EVENTS = 1_000;
/** Most users of one request. */
const MAX_USERS = 1_000;

const refused = z
  .strictObject({
    index: z.int().describe('Place in the request.'),
    event_id: z.string().optional(),
    code: z.string(),
    reason: z.string(),
  })
  .meta({ id: 'RefusedEvent' });
const receipt = z.strictObject({ accepted: z.int(), refused: z.array(refused) }).meta({ id: 'Receipt' });
const receiptMembers = z.object({ accepted: z.int().optional(), refused: z.array(refused).optional() });

export const postEvents = operation({
  id: 'postEvents',
  method: 'POST',
  path: '/events',
  tag: 'events',
  access: { right: 'publish' },
  summary: 'One event, or up to 1,000 of them.',
  description:
    'Each is accepted or refused by itself; what is accepted is durable. Answers 400 where none is accepted.',
  // Each event is held against its schema by itself.
  body: z.unknown(),
  shownBody: z.union([eventSchema, z.array(eventSchema).min(1).max(MAX_BATCH_EVENTS)]),
  answer: {
    status: 202,
    description: 'At least one is accepted.',
    schema: receipt,
    example: { accepted: 1, refused: [] },
  },
  errors: {
    400: ['MR_EVENT_BATCH', 'MR_EVENT_INVALID'],
    429: ['MR_EVENT_USER_PENDING', 'MR_EVENTS_LAG'],
  },
  members: { 400: receiptMembers, 429: receiptMembers },
  example: { body: { event_id: 'e1', user_id: 'u1', item_id: 'i1', kind: 'click' } },
});

const given = z.enum(['opted-out', 'opted-in']);

const refuseUser: Refuse = ({ message }) => invalidUserId(message);

/** Erasing takes more than a record: `millrace erase`. */
export const putPrivacy = operation({
  id: 'putPrivacy',
  method: 'PUT',
  path: '/users/:user_id/privacy',
  tag: 'users',
  access: { right: 'privacy', refuseUnlimited: true },
  summary: 'What a user has decided about their data.',
  description: 'Someone who was never seen may opt out too: it counts when they come.',
  params: z.object({ user_id: idText }),
  body: z.object({ status: given }),
  answer: {
    description: 'It is durable.',
    schema: z.strictObject({ user_id: z.string(), status: given, ts: z.number() }),
    example: { user_id: 'u1', status: 'opted-out', ts: 1_767_225_600_000 },
  },
  errors: { 400: ['MR_PRIVACY_STATUS', 'MR_PRIVACY_USER', 'MR_PRIVACY_ERASED'] },
  example: { params: { user_id: 'u1' }, body: { status: 'opted-in' } },
  refuse: {
    params: refuseUser,
    body: () =>
      new InputError('MR_PRIVACY_STATUS', 'The body has no status "opted-out" or "opted-in".', {
        hint: 'Send {"status":"opted-out"} or {"status":"opted-in"}; erasing is done by "millrace erase".',
      }),
  },
});

export const postPseudonyms = operation({
  id: 'postPseudonyms',
  method: 'POST',
  path: '/pseudonyms',
  tag: 'users',
  access: { right: 'privacy', refuseUnlimited: true },
  summary: 'What producers that write to the log themselves call users by.',
  body: z.object({ user_ids: z.array(z.string()).min(1).max(MAX_USERS) }),
  answer: {
    description: 'In the order of the ids; made where users are new.',
    schema: z.strictObject({ pseudonyms: z.array(z.string()) }),
    example: { pseudonyms: ['p-3yJcPqf0'] },
  },
  errors: { 400: ['MR_PRIVACY_USERS', 'MR_PRIVACY_USER'] },
  example: { body: { user_ids: ['u1'] } },
  refuse: {
    body: () =>
      new InputError('MR_PRIVACY_USERS', 'The body has no list "user_ids", or one of a wrong length.', {
        hint: `Send {"user_ids": ["USER", ...]} with 1 to ${MAX_USERS} ids.`,
      }),
  },
});

export const GATEWAY_OPERATIONS = [postEvents, putPrivacy, postPseudonyms];
