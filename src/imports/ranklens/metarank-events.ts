/** Metarank's events: each row says by `event` which of four types it is of. */
import { avroSchema, type InteractionKind } from '#schemas';
import { eventOf, itemOf, userOf } from '../events.ts';
import { type JsonObject, NOT_SAID, type RowReader, type RowSink } from '../source.ts';
import { cleanText, isoTime, quoted } from '../values.ts';
import { idOf, isProblem, listOf, numberOf, requiredId, textOf, timeOf } from './json-fields.ts';
import { giveRanking } from './rankings.ts';

type Read = (row: JsonObject, ts: number, sink: RowSink) => string | undefined;

const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;

const { fields } = avroSchema('Interaction') as {
  readonly fields: readonly {
    readonly name: string;
    readonly type: { readonly symbols?: readonly string[] };
  }[];
};
const kinds = fields.find(({ name }) => name === 'kind')?.type.symbols ?? [];

export function metarankReader(): RowReader<JsonObject> {
  return (row, sink) => {
    const read = readers.get(String(row.event));
    if (read === undefined) {
      return `event ${quoted(row.event)} is not one of ${[...readers.keys()].join(', ')}`;
    }
    const ts = timeOf(row, 'timestamp');
    return isProblem(ts) ? ts.problem : read(row, ts, sink);
  };
}

const readers = new Map<string, Read>([
  ['item', readItem],
  ['user', readUser],
  ['ranking', readRanking],
  ['interaction', readInteraction],
]);

/** Fields are free; those that name what the catalogue has are taken: title, genres, tags, category, runtime, release_date. */
function readItem(row: JsonObject, ts: number, sink: RowSink): string | undefined {
  const id = requiredId(row, 'item');
  if (isProblem(id)) return id.problem;
  const said = namedFields(row);
  if (typeof said === 'string') return said;
  const genres = textsOf(said.get('genres'));
  const minutes = numberOf(said.get('runtime'));
  const title = cleanText(textOf(said.get('title')) ?? '');
  const item = itemOf({
    item_id: id,
    type: genres.length > 0 ? 'movie' : 'other',
    title: title === '' ? `Item ${id}` : title,
    category: textOf(said.get('category')) ?? genres[0] ?? 'unknown',
    tags: [...genres, ...textsOf(said.get('tags'))],
    duration_ms: minutes === undefined || minutes <= 0 ? null : Math.round(minutes * MINUTE_MS),
    created: releasedAt(said.get('release_date')),
  });
  sink.item(item, ts);
  return undefined;
}

/** Seconds since the epoch, as RankLens has it, or ISO 8601. */
function releasedAt(value: unknown): number {
  const seconds = numberOf(value);
  return seconds === undefined ? (isoTime(textOf(value) ?? '') ?? NOT_SAID) : Math.round(seconds * SECOND_MS);
}

function readUser(row: JsonObject, ts: number, sink: RowSink): string | undefined {
  const id = requiredId(row, 'user');
  if (isProblem(id)) return id.problem;
  const said = namedFields(row);
  if (typeof said === 'string') return said;
  const age = numberOf(said.get('age'));
  const gender = (textOf(said.get('gender')) ?? '').toLowerCase();
  sink.user(
    userOf({
      user_id: id,
      age: age !== undefined && Number.isInteger(age) && age >= 0 && age <= 120 ? age : null,
      gender: /^m(ale)?$/.test(gender) ? 'male' : /^f(emale)?$/.test(gender) ? 'female' : 'unknown',
    }),
    ts,
  );
  return undefined;
}

function readRanking(row: JsonObject, ts: number, sink: RowSink): string | undefined {
  const request = requiredId(row, 'id');
  if (isProblem(request)) return request.problem;
  const who = userAndSession(row);
  if (isProblem(who)) return who.problem;
  const list = listOf(row, 'items');
  if (isProblem(list)) return list.problem;
  const items: { id: string; score: number }[] = [];
  for (const each of list) {
    if (typeof each !== 'object' || each === null) return `items hold ${quoted(each)}, which is no object`;
    const id = requiredId(each as JsonObject, 'id');
    if (isProblem(id)) return `items: ${id.problem}`;
    items.push({ id, score: numberOf((each as JsonObject).relevancy) ?? 0 });
  }
  giveRanking({ request, ...who, ts, items }, sink);
  return undefined;
}

function readInteraction(row: JsonObject, ts: number, sink: RowSink): string | undefined {
  const item = requiredId(row, 'item');
  if (isProblem(item)) return item.problem;
  const who = userAndSession(row);
  if (isProblem(who)) return who.problem;
  const request = idOf(row, 'ranking');
  if (isProblem(request)) return request.problem;
  if (!kinds.includes(String(row.type))) return `type ${quoted(row.type)} is not one of ${kinds.join(', ')}`;
  const said = namedFields(row);
  if (typeof said === 'string') return said;
  sink.event(
    eventOf({
      user_id: who.user,
      item_id: item,
      kind: row.type as InteractionKind,
      value: numberOf(said.get('value')) ?? null,
      session_id: who.session,
      request_id: request ?? null,
      ts,
    }),
  );
  return undefined;
}

/** The user may be left out: a session stands for one then. */
function userAndSession(row: JsonObject): { user: string; session: string | null } | { problem: string } {
  const user = idOf(row, 'user');
  if (isProblem(user)) return user;
  const session = idOf(row, 'session');
  if (isProblem(session)) return session;
  const named = user ?? session;
  return named === undefined || named === ''
    ? { problem: 'user and session are missing' }
    : { user: named, session: session ?? null };
}

/** `fields` as a map, empty where there are none; or what is wrong with them. */
function namedFields(row: JsonObject): ReadonlyMap<string, unknown> | string {
  const list = row.fields ?? [];
  if (!Array.isArray(list)) return 'fields is not a list';
  const named = new Map<string, unknown>();
  for (const each of list as (JsonObject | null)[]) {
    const name = textOf(each?.name);
    if (name === undefined) return 'fields hold one without a name';
    named.set(name, each?.value);
  }
  return named;
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
