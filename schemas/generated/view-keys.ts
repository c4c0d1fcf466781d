// Generated from features/catalogue.ts by `npm run generate`; not to be edited.
/** By the topic of a feature view, what its rows are keyed by. */
export const viewKeys = {
  'user-features-2': 'user_id',
  'item-features-2': 'item_id',
  'user-category-features-1': 'user_id and category',
  'user-item-features-1': 'user_id and item_id',
} as const;
