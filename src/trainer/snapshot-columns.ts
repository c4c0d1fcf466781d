/** The columns of a snapshot's Parquet files, with their DuckDB types. Each follows the record of `#schemas` it holds. */
import type { Example, Item, ItemFeatures, Profile, User, UserFeatures } from '#schemas';

type Columns<Row> = { readonly [Field in keyof Row]-?: string };

const userFeatures: Columns<UserFeatures> = {
  events: 'BIGINT',
  views: 'BIGINT',
  clicks: 'BIGINT',
  completes: 'BIGINT',
  likes: 'BIGINT',
  ratings: 'BIGINT',
  skips: 'BIGINT',
  rating_mean: 'DOUBLE',
  watch_ms: 'BIGINT',
  completion_rate: 'DOUBLE',
  recent_items: 'VARCHAR[]',
  days_since_last: 'DOUBLE',
};

const itemFeatures: Columns<ItemFeatures> = {
  impressions: 'BIGINT',
  views: 'BIGINT',
  clicks: 'BIGINT',
  completes: 'BIGINT',
  likes: 'BIGINT',
  ratings: 'BIGINT',
  skips: 'BIGINT',
  rating_mean: 'DOUBLE',
  ctr: 'DOUBLE',
  positives: 'BIGINT',
  popularity: 'DOUBLE',
  days_since_last: 'DOUBLE',
};

const profile: Columns<Profile> = {
  age: 'INTEGER',
  gender: 'VARCHAR',
  occupation: 'VARCHAR',
  country: 'VARCHAR',
};

const example: Columns<Omit<Example, 'user' | 'profile' | 'item'>> = {
  event_id: 'VARCHAR',
  user_id: 'VARCHAR',
  item_id: 'VARCHAR',
  kind: 'VARCHAR',
  value: 'DOUBLE',
  weight: 'DOUBLE',
  ts: 'BIGINT',
  request_id: 'VARCHAR',
};

const item: Columns<Item> = {
  item_id: 'VARCHAR',
  type: 'VARCHAR',
  title: 'VARCHAR',
  category: 'VARCHAR',
  tags: 'VARCHAR[]',
  duration_ms: 'BIGINT',
  difficulty: 'INTEGER',
  language: 'VARCHAR',
  available: 'BOOLEAN',
  age_limit: 'INTEGER',
  created: 'BIGINT',
};

const user: Columns<User> = {
  user_id: 'VARCHAR',
  age: 'INTEGER',
  gender: 'VARCHAR',
  occupation: 'VARCHAR',
  country: 'VARCHAR',
  language: 'VARCHAR',
  created: 'BIGINT',
};

const struct = (columns: Readonly<Record<string, string>>) =>
  `STRUCT(${Object.entries(columns)
    .map(([name, type]) => `"${name}" ${type}`)
    .join(', ')})`;

/** Types of the values of staged rows. */
export const valueTypes = {
  example: struct({
    ...example,
    user: struct(userFeatures),
    profile: struct(profile),
    item: struct(itemFeatures),
  }),
  item: struct(item),
  user: struct(user),
} as const;

const flattened = (source: string, prefix: string, columns: object) =>
  Object.keys(columns).map((name) => `${source}."${name}" AS "${prefix}${name}"`);

/** What is selected of a staged row whose value is `value`: one column a field, nested ones with a prefix. */
export const selections = {
  example: [
    ...flattened('value', '', example),
    ...flattened('value."user"', 'user_', userFeatures),
    ...flattened('value.profile', 'profile_', profile),
    ...flattened('value.item', 'item_', itemFeatures),
  ].join(', '),
  item: flattened('value', '', item).join(', '),
  user: flattened('value', '', user).join(', '),
} as const;
