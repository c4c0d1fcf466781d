/** RankLens as published: films, and rankings in which some of the films shown were liked. */
import { eventOf, itemOf } from '../events.ts';
import { type JsonObject, NOT_SAID, type RowReader } from '../source.ts';
import { cleanText, isoTime, nameIn, quoted } from '../values.ts';
import { isProblem, listOf, numberOf, requiredId, textOf, timeOf } from './json-fields.ts';
import { giveRanking } from './rankings.ts';

/** How long after a ranking a like counts as given: data sets have one time for both, which leaves their order open. */
const LIKED_AFTER_MS = 1;

const MINUTE_MS = 60_000;

export function filmReader(): RowReader<JsonObject> {
  return (row, sink) => {
    const id = requiredId(row, 'id');
    if (isProblem(id)) return id.problem;
    const title = cleanText(textOf(row.title) ?? '');
    if (title === '') return 'title is missing or empty';
    const released = textOf(row.releaseDate);
    const created = released === undefined ? NOT_SAID : isoTime(released);
    if (created === undefined) return `releaseDate ${quoted(released)} is not ISO 8601`;
    const genres = namesOf(row.genres);
    const minutes = numberOf(row.runtime);
    const item = itemOf({
      item_id: id,
      type: 'movie',
      title,
      category: genres[0] ?? 'unknown',
      tags: [...genres, ...namesOf(row.tags)],
      duration_ms: minutes === undefined || minutes <= 0 ? null : Math.round(minutes * MINUTE_MS),
      created,
    });
    sink.item(item);
    return undefined;
  };
}

export function likedReader(): RowReader<JsonObject> {
  return (row, sink) => {
    const request = requiredId(row, 'id');
    if (isProblem(request)) return request.problem;
    const user = requiredId(row, 'user');
    if (isProblem(user)) return user.problem;
    const ts = timeOf(row, 'ts');
    if (isProblem(ts)) return ts.problem;
    const shown = listOf(row, 'shown');
    if (isProblem(shown)) return shown.problem;
    const liked = listOf(row, 'liked');
    if (isProblem(liked)) return liked.problem;
    const nameless = shown.find((id) => nameIn(id) === undefined);
    if (nameless !== undefined) return `shown ${quoted(nameless)} is not a text or a whole number`;
    const items = shown.map((id) => ({ id: String(id), score: 0 }));
    const stranger = liked.find((id) => !shown.includes(id));
    if (stranger !== undefined) return `liked ${quoted(stranger)} is not among the items shown`;
    giveRanking({ request, user, session: null, ts, items }, sink);
    for (const id of liked) {
      const said = { user_id: user, item_id: String(id), kind: 'like', request_id: request } as const;
      sink.event(eventOf({ ...said, ts: ts + LIKED_AFTER_MS }));
    }
    return undefined;
  };
}

/** Genres are objects with a name, tags are texts. */
function namesOf(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list
    .map((each: unknown) => textOf(each) ?? textOf((each as JsonObject | null)?.name))
    .filter((name) => name !== undefined && name !== '') as string[];
}
