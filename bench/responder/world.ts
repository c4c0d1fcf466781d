/**
 * What a responder answers from, made up: a catalogue whose items have been met for a month, users with rows of every
 * view, a two-tower that finds items and a model that ranks them, on the log and in the data directory as the product
 * would have written them.
 */
import { join } from 'node:path';
import { type Topic, TopicWriter } from '#engine';
import { type AnyView, asOfRows, crossKey, featureViews, splitCrossKey } from '#features';
import { openEmbeddedLog } from '#log';
import { candidateOf, localArtifacts, seededRandom, type VersionContents } from '#models';
import { systemClock } from '#platform';
import type { Interaction, InteractionKind, Item, User, ViewState } from '#schemas';
import { openTopics, type Topics } from '#topologies';
import { trainedRanker, trainedRetrieval } from './versions.ts';

export const USERS = 5_000;
const CATEGORIES = 40;
/** Categories that a user cares for. */
const TASTES = 5;
/** Users and items from here on have the rows of one of these. */
const DISTINCT = 500;
const EVENTS_A_USER = 80;
const EVENTS_AN_ITEM = 40;
const MONTH_MS = 30 * 86_400_000;
const BATCH = 5_000;

export const userId = (index: number): string => `u${index}`;
export const itemId = (index: number): string => `i${index}`;

export type WorldOptions = {
  readonly directory: string;
  readonly items: number;
  /** The name of the model that ranks. */
  readonly ranker: string;
};

const random = seededRandom(1);
const kinds: readonly InteractionKind[] = [
  'impression',
  'impression',
  'impression',
  'view',
  'click',
  'rating',
];

export async function writeWorld({ directory, items, ranker }: WorldOptions): Promise<void> {
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  try {
    const topics = await openTopics(log, log.registry);
    const now = systemClock.now();
    const catalogue = Array.from({ length: items }, (_, index) => itemRecord(index, now));
    const write = async <V>(topic: Topic<string, V>, rows: Iterable<readonly [string, V]>) => {
      const writer = await TopicWriter.open(log, topic);
      let batch: { key: string; value: V; timestamp: number }[] = [];
      for (const [key, value] of rows) {
        batch.push({ key, value, timestamp: now });
        if (batch.length < BATCH) continue;
        await writer.write(batch);
        batch = [];
      }
      await writer.write(batch);
      await writer.close();
    };
    await write(
      topics.items,
      catalogue.map((item) => [item.item_id, item] as const),
    );
    const people = Array.from({ length: USERS }, (_, index) => userRecord(index, now));
    await write(
      topics.users,
      people.map((user) => [user.user_id, user] as const),
    );
    for (const view of featureViews) {
      const topic = topics[`${view.name}-${view.version}` as keyof Topics] as unknown as Topic<
        string,
        ViewState
      >;
      await write(
        topic,
        view.entity === 'item' ? rowsOfItems(view, items, now) : rowsOfUsers(view, catalogue, now),
      );
    }
    const dataset = { catalogue, people, eventsOf: (user: number) => eventsOfUser(user, catalogue, now) };
    const versions = await TopicWriter.open(log, topics.versions);
    const artifacts = localArtifacts(join(directory, 'versions'));
    const publish = async (role: 'retrieval' | 'ranking', model: string, files: VersionContents) => {
      const none = { metrics: {}, popularity: {}, decayedPopularity: {} };
      const description = {
        model,
        snapshotId: '',
        seed: 1,
        dimension: 0,
        itemCount: 0,
        protocol: '',
        ...none,
      };
      const version = await artifacts.write(description, files);
      const candidate = candidateOf(version, description, { role, intervals: {}, production: null });
      const step = { reason: null, actor: null, previous: null, gates: [], command_id: '' };
      const value = { version, status: 'promoted' as const, ts: now, candidate, ...step };
      await versions.write([{ key: version, value, timestamp: now }]);
    };
    const retrieval = await trainedRetrieval(dataset);
    await publish('retrieval', 'two-tower', retrieval.files);
    await publish('ranking', ranker, await trainedRanker(ranker, dataset, retrieval.dataset));
    await versions.close();
  } finally {
    await log.close();
  }
}

function* rowsOfItems(view: AnyView, items: number, now: number): Generator<readonly [string, ViewState]> {
  const shapes = Array.from({ length: Math.min(items, DISTINCT) }, (_, shape) => {
    const events = Array.from({ length: EVENTS_AN_ITEM }, (_, nth) =>
      event(userId(random.integer(USERS)), null, `${shape}-${nth}`, now),
    ).map((each) => ({ ...each, item_id: itemId(shape) }));
    return stateOf(view, events, now);
  });
  for (let item = 0; item < items; item++) yield [itemId(item), shapes[item % DISTINCT] as ViewState];
}

function* rowsOfUsers(
  view: AnyView,
  catalogue: readonly Item[],
  now: number,
): Generator<readonly [string, ViewState]> {
  const isCrossed = view.entity !== 'user';
  const shapes = Array.from({ length: DISTINCT }, (_, user) => {
    const events = eventsOfUser(user, catalogue, now).filter((each) => view.filter(each));
    const byKey = Map.groupBy(events, (each) => view.key(each));
    return Array.from(byKey, ([key, own]) => [key, stateOf(view, own, now)] as const);
  });
  for (let user = 0; user < USERS; user++) {
    for (const [key, state] of shapes[user % DISTINCT] ?? []) {
      yield [isCrossed ? crossKey(userId(user), splitCrossKey(key)[1]) : userId(user), state];
    }
  }
}

function stateOf(view: AnyView, events: readonly Interaction[], now: number): ViewState {
  const rows = asOfRows(view);
  const row = events.reduce((folded, each) => rows.insert(folded, each), rows.empty());
  return rows.toViewState(rows.fold(row, now));
}

/** A user's events. Users care for a few categories and meet popular items more often; those past the distinct ones repeat them. */
function eventsOfUser(user: number, catalogue: readonly Item[], now: number): Interaction[] {
  const own = seededRandom(1 + (user % DISTINCT));
  return Array.from({ length: EVENTS_A_USER }, (_, nth) => {
    const category = (user * 11 + TASTES * own.integer(TASTES)) % CATEGORIES;
    const rank = Math.floor((own.uniform() ** 2 * catalogue.length) / CATEGORIES);
    const item = catalogue[(rank * CATEGORIES + category) % catalogue.length] as Item;
    return { ...event(userId(user % DISTINCT), item, `${user}-${nth}`, now, own), item_id: item.item_id };
  });
}

function event(user: string, item: Item | null, id: string, now: number, by = random): Interaction {
  const kind = kinds[by.integer(kinds.length)] as InteractionKind;
  return {
    event_id: id,
    user_id: user,
    item_id: null,
    kind,
    value: kind === 'rating' ? 1 + by.integer(5) : null,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: null, country: null, language: null },
    ts: now - 60_000 - by.integer(MONTH_MS),
    original_ts: null,
    item: item && factsOf(item),
  };
}

function factsOf({ type, category, tags, duration_ms, difficulty, created }: Item): Interaction['item'] {
  return { type, category, tags, duration_ms, difficulty, created };
}

function itemRecord(index: number, now: number): Item {
  return {
    item_id: itemId(index),
    type: index % 3 === 0 ? 'article' : 'video',
    title: `Item ${index}: what it is about`,
    category: `category-${index % CATEGORIES}`,
    tags: [`tag-${index % 90}`, `tag-${(index * 31) % 90}`],
    duration_ms: 60_000 * (1 + (index % 90)),
    difficulty: 1 + (index % 5),
    language: index % 4 === 0 ? 'de' : 'en',
    available: true,
    age_limit: 0,
    created: now - (index % 1000) * 3_600_000,
    countries: [],
  };
}

function userRecord(index: number, now: number): User {
  return {
    user_id: userId(index),
    age: 18 + (index % 50),
    gender: index % 2 === 0 ? 'female' : 'male',
    occupation: `occupation-${index % 12}`,
    country: 'DE',
    language: 'de',
    created: now - (index % 400) * 86_400_000,
  };
}
