/** The rows in training examples, made while events streamed by, held against as-of joins over the archived events. */
import { type AnyView, featureViews } from '#features';
import { type OfflineSource, openOffline, queryOffline } from '#offline';

/** Where an example holds the row of a view, and how the history of the view is joined to it. */
const places: {
  readonly [E in AnyView['entity']]: { readonly column: string; readonly keys: readonly string[] };
} = {
  user: { column: '"user"', keys: ['e.user_id = h.user_id'] },
  item: { column: 'item', keys: ['e.item_id = h.item_id'] },
  'user-category': { column: 'category', keys: ['e.user_id = h.user_id', 'e.facts.category = h.category'] },
  'user-item': { column: 'pair', keys: ['e.user_id = h.user_id', 'e.item_id = h.item_id'] },
};

export type StreamRows = { readonly view: string; readonly rows: number; readonly equal: number };

/** For each view: how many examples hold its row, and how many of those rows are those of the join. */
export async function compareStreamRows(source: OfflineSource): Promise<readonly StreamRows[]> {
  const store = await openOffline(source);
  const results: StreamRows[] = [];
  for (const view of featureViews) {
    const name = view.name.replaceAll('-', '_');
    const { column, keys } = places[view.entity];
    const none = view.encode(view.empty()).toString('hex');
    const joined = `${name}_row(coalesce(h.state, unhex('${none}')), e.ts)`;
    const query = `SELECT count(*)::INTEGER AS rows,
      (count(*) FILTER (to_json(e.${column})::VARCHAR = to_json(${joined})::VARCHAR))::INTEGER AS equal
      FROM examples e ASOF LEFT JOIN ${name} h ON ${keys.join(' AND ')} AND e.ts > h.valid_from
      WHERE e.${column} IS NOT NULL`;
    const options = { store, views: [view], pseudonymOf: () => undefined };
    await queryOffline(query, { ...options, signal: new AbortController().signal }, async ({ rows }) => {
      for await (const chunk of rows) {
        for (const [all, equal] of chunk) {
          results.push({ view: view.name, rows: Number(all), equal: Number(equal) });
        }
      }
    });
  }
  return results;
}
