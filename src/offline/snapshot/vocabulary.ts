import type { AnalyticDatabase } from '../duckdb.ts';

/**
 * The ids that a model may know: SELECT of (kind, id, examples, positives, train_positives), a row each of the users,
 * items, categories and tags that the catalogue or an example names, in order of kind and id. An example counts for the
 * category and tags that its item had then, as its facts say, and where it has none for those that the item has now.
 * Reads tables `examples`, `items` and `users`.
 */
export const vocabularyQuery = `
  WITH named AS (
    SELECT e.user_id, e.item_id, e.weight > 0 AS is_positive, e.weight > 0 AND e.split = 'train' AS is_trained,
      coalesce(e.facts_category, i.category) AS category, coalesce(e.facts_tags, i.tags) AS tags
    FROM examples e LEFT JOIN items i USING (item_id)
  ), counted AS (
    SELECT 'user' AS kind, user_id AS id, is_positive, is_trained FROM named
    UNION ALL SELECT 'item', item_id, is_positive, is_trained FROM named
    UNION ALL SELECT 'category', category, is_positive, is_trained FROM named WHERE category IS NOT NULL
    UNION ALL SELECT 'tag', tag, is_positive, is_trained FROM (SELECT unnest(tags) AS tag, * FROM named)
  ), counts AS (
    SELECT kind, id, count(*) AS examples, count(*) FILTER (is_positive) AS positives,
      count(*) FILTER (is_trained) AS train_positives
    FROM counted GROUP BY ALL
    UNION ALL SELECT 'user', user_id, 0, 0, 0 FROM users
    UNION ALL SELECT 'item', item_id, 0, 0, 0 FROM items
    UNION ALL SELECT DISTINCT 'category', category, 0, 0, 0 FROM items
    UNION ALL SELECT DISTINCT 'tag', unnest(tags), 0, 0, 0 FROM items
  )
  SELECT kind, id, sum(examples)::BIGINT AS examples, sum(positives)::BIGINT AS positives,
    sum(train_positives)::BIGINT AS train_positives
  FROM counts GROUP BY kind, id ORDER BY kind, id`;

export async function vocabularySizes(
  database: AnalyticDatabase,
  vocabulary: string,
): Promise<ReadonlyMap<string, number>> {
  const rows = await database.rows<{ kind: string; ids: number }>(
    `SELECT kind, count(*)::INTEGER AS ids FROM ${vocabulary} GROUP BY kind`,
  );
  return new Map(rows.map(({ kind, ids }) => [kind, ids]));
}
