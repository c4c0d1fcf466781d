import { defineView, newest, sum } from 'millrace/features';
import type { Interaction } from 'millrace/schemas';

export const taps = defineView({
  name: 'taps',
  version: 1,
  entity: 'user',
  owner: 'tests',
  description: 'How many events a user has.',
  tags: [],
  filter: () => true,
  key: (event: Interaction) => event.user_id,
  ttlMs: null,
  aggregations: { events: sum((_: Interaction) => 1), last: newest<Interaction>() },
  row: { events: 'long' },
  updated: ({ last }) => last,
  finish: ({ events }) => ({ events }),
});
