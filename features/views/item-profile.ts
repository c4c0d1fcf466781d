import type { Item } from '#schemas';
import { daysSince, movingAge } from '../lasting-row.ts';
import { defineRecordView } from '../record-view.ts';

export const itemProfileView = defineRecordView({
  name: 'item-profile',
  version: 1,
  entity: 'item',
  owner: 'catalogue',
  description: 'What an item is, as the catalogue says.',
  tags: ['metadata'],
  source: 'items',
  row: {
    type: 'string?',
    category: 'string?',
    tags: 'string[]',
    duration_ms: 'long?',
    difficulty: { kind: 'long?', doc: '1 (easy) to 5.' },
    language: 'string?',
    age_days: { kind: 'double?', doc: 'Days since it was created.' },
  },
  finish: (item: Item | null, now) => ({
    type: item?.type ?? null,
    category: item?.category ?? null,
    tags: item?.tags ?? [],
    duration_ms: item?.duration_ms ?? null,
    difficulty: item?.difficulty ?? null,
    language: item?.language ?? null,
    age_days: daysSince(item?.created ?? null, now),
  }),
  moving: [movingAge('age_days', (item: Item | null) => item?.created ?? null)],
});
