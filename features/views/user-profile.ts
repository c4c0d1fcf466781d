import type { User } from '#schemas';
import { daysSince, movingAge } from '../lasting-row.ts';
import { defineRecordView } from '../record-view.ts';

export const userProfileView = defineRecordView({
  name: 'user-profile',
  version: 1,
  entity: 'user',
  owner: 'accounts',
  description: 'Who a user is, as producers say: demographics and the month of joining.',
  tags: ['demographics'],
  source: 'users',
  row: {
    age: 'long?',
    gender: 'string?',
    occupation: 'string?',
    country: 'string?',
    language: 'string?',
    cohort: { kind: 'string?', doc: 'The month of joining, such as 2026-01, UTC.' },
    days_since_joined: 'double?',
  },
  finish: (user: User | null, now) => ({
    age: user?.age ?? null,
    gender: user?.gender ?? null,
    occupation: user?.occupation ?? null,
    country: user?.country ?? null,
    language: user?.language ?? null,
    cohort: user === null ? null : new Date(user.created).toISOString().slice(0, 7),
    days_since_joined: daysSince(user?.created ?? null, now),
  }),
  moving: [movingAge('days_since_joined', (user: User | null) => user?.created ?? null)],
});
