/**
 * The rows of many users who have each rated twenty items in one sitting, as users of MovieLens do: of 1,682 items in 18
 * categories, the popular ones more often. The rows are those of events that a watermark has passed.
 */

import { type Topic, TopicWriter } from '#engine';
import { type AnyView, asOfRows, crossKey, featureViews, splitCrossKey } from '#features';
import type { EmbeddedLog } from '#log';
import type { Interaction, Item, User, ViewState } from '#schemas';
import type { Topics } from '#topologies';

export const USERS = 50_000;
export const ITEMS = 1_682;
const EVENTS_A_USER = 20;
const BATCH = 5_000;
/** Users from here on have the rows of one of these. */
const DISTINCT_USERS = 1_000;
const genres = [
  ...['Drama', 'Comedy', 'Action', 'Thriller', 'Romance', 'Adventure', 'Children', 'Crime', 'Sci-Fi'],
  ...['Horror', 'War', 'Mystery', 'Musical', 'Documentary', 'Animation', 'Western', 'Film-Noir', 'Fantasy'],
];
const START_MS = 880_000_000_000;

export function userId(index: number): string {
  return `u${index}`;
}

export function itemId(index: number): string {
  return `i${index}`;
}

/** An item that the user has rated; `nth` is below 20. */
export function itemOf(user: number, nth: number): string {
  const u = user % DISTINCT_USERS;
  // A quarter of the squares of evenly spread numbers lies in the first sixteenth: popular items first.
  const spread = ((u * 7_919 + nth * 104_729) % 65_536) / 65_536;
  return itemId((Math.floor(spread * spread * (ITEMS - EVENTS_A_USER)) + nth) % ITEMS);
}

export async function writeAudience(log: EmbeddedLog, topics: Topics): Promise<void> {
  const items = Array.from({ length: ITEMS }, (_, i) => itemRecord(i));
  await writeAll(
    log,
    topics.items,
    items.map((value) => [value.item_id, value] as const),
  );
  await writeAll(
    log,
    topics.users,
    pairs(USERS, (i) => [userId(i), userRecord(i)]),
  );
  const events = Array.from({ length: DISTINCT_USERS }, (_, user) => eventsOf(user, items)).flat();
  for (const view of featureViews) {
    const topic = topics[`${view.name}-${view.version}` as keyof Topics] as unknown as Topic<
      string,
      ViewState
    >;
    const rows = rowsOf(view, events);
    if (view.entity === 'item') await writeAll(log, topic, rows);
    else await writeAll(log, topic, copies(view, rows));
  }
}

/** The rows of users, again and again under the ids of others. */
function* copies(
  view: AnyView,
  rows: ReadonlyMap<string, ViewState>,
): Generator<readonly [string, ViewState]> {
  const isCrossed = view.entity !== 'user';
  const byUser = Map.groupBy(rows, ([key]) => (isCrossed ? splitCrossKey(key)[0] : key));
  for (let user = 0; user < USERS; user++) {
    for (const [key, row] of byUser.get(userId(user % DISTINCT_USERS)) ?? []) {
      yield [isCrossed ? crossKey(userId(user), splitCrossKey(key)[1]) : userId(user), row];
    }
  }
}

function rowsOf(view: AnyView, events: readonly Interaction[]): Map<string, ViewState> {
  const asOf = asOfRows(view);
  const rows = new Map<string, ReturnType<typeof asOf.empty>>();
  for (const event of events) {
    if (!view.filter(event)) continue;
    const key = view.key(event);
    rows.set(key, asOf.fold(asOf.insert(rows.get(key) ?? asOf.empty(), event), Number.POSITIVE_INFINITY));
  }
  return new Map(Array.from(rows, ([key, row]) => [key, asOf.toViewState(row)]));
}

async function writeAll<V>(
  log: EmbeddedLog,
  topic: Topic<string, V>,
  rows: Iterable<readonly [key: string, value: V]>,
): Promise<void> {
  const writer = await TopicWriter.open(log, topic);
  let batch: { key: string; value: V; timestamp: number }[] = [];
  for (const [key, value] of rows) {
    batch.push({ key, value, timestamp: START_MS });
    if (batch.length < BATCH) continue;
    await writer.write(batch);
    batch = [];
  }
  await writer.write(batch);
  await writer.close();
}

function* pairs<V>(
  count: number,
  make: (index: number) => readonly [string, V],
): Generator<readonly [string, V]> {
  for (let i = 0; i < count; i++) yield make(i);
}

function eventsOf(user: number, items: readonly Item[]): Interaction[] {
  return Array.from({ length: EVENTS_A_USER }, (_, nth) => {
    const id = itemOf(user, nth);
    const item = items[Number(id.slice(1))] as Item;
    const { type, category, tags, duration_ms, difficulty, created } = item;
    return {
      event_id: `${user}-${nth}`,
      user_id: userId(user),
      item_id: id,
      kind: 'rating',
      value: 1 + ((user + nth) % 5),
      watch_ms: null,
      session_id: null,
      request_id: null,
      context: { device: null, country: null, language: null },
      ts: START_MS + user * 10_000_000 + nth * 45_000,
      original_ts: null,
      item: { type, category, tags, duration_ms, difficulty, created },
    };
  });
}

function itemRecord(index: number): Item {
  const spread = ((index * 7_919) % 1_024) / 1_024;
  // As of MovieLens' users, the twenty items of one lie in six or seven categories.
  const tag = (shift: number) =>
    genres[(Math.floor(spread ** 6 * genres.length) + shift) % genres.length] ?? '';
  return {
    item_id: itemId(index),
    type: 'movie',
    title: `The film with number ${index} (1997)`,
    category: tag(0),
    tags: [tag(0), tag(3)],
    duration_ms: null,
    difficulty: null,
    language: null,
    available: true,
    age_limit: 0,
    countries: [],
    created: START_MS,
  };
}

function userRecord(index: number): User {
  return {
    user_id: userId(index),
    age: 20 + (index % 50),
    gender: index % 3 === 0 ? 'female' : 'male',
    occupation: 'engineer',
    country: null,
    language: null,
    created: START_MS,
  };
}
