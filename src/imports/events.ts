/** Events and items with what most sources leave unsaid. */
import type { Interaction, Item, User } from '#schemas';
import { NOT_SAID } from './source.ts';
import { cleanText } from './values.ts';

const NO_CONTEXT = { device: null, country: null, language: null } as const;

type Said = Pick<Interaction, 'user_id' | 'item_id' | 'kind' | 'ts'> & Partial<Interaction>;

export function eventOf({
  user_id,
  item_id,
  kind,
  ts,
  event_id = '',
  value = null,
  watch_ms = null,
  session_id = null,
  request_id = null,
  context = NO_CONTEXT,
}: Said): Interaction {
  return {
    event_id,
    user_id,
    item_id,
    kind,
    value,
    watch_ms,
    session_id,
    request_id,
    context,
    ts,
    original_ts: null,
    item: null,
  };
}

/** Cleans category and tags. Titles are cleaned by the readers, which decide what stands for an empty one. */
export function itemOf(said: Pick<Item, 'item_id' | 'title' | 'type'> & Partial<Item>): Item {
  const tags = (said.tags ?? []).map(cleanText).filter((tag) => tag !== '');
  const category = cleanText(said.category ?? '');
  return {
    duration_ms: null,
    difficulty: null,
    language: null,
    available: true,
    age_limit: 0,
    created: NOT_SAID,
    countries: [],
    ...said,
    category: category === '' ? (tags[0] ?? 'unknown') : category,
    tags,
  };
}

export function userOf(said: Pick<User, 'user_id'> & Partial<User>): User {
  return {
    age: null,
    gender: 'unknown',
    occupation: null,
    country: null,
    language: null,
    created: NOT_SAID,
    ...said,
  };
}
