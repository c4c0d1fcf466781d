import type { HttpServer } from '#platform';
import { type Pseudonyms, requireUserId } from '#privacy';
import type { ContextFeatures } from '#schemas';
import type { FeatureAnswer, FeatureReader, RowsByView } from './feature-reader.ts';
import { type AskedFeatures, parseQuery, parseViews } from './parse-query.ts';

/** Features as they are shown: by the ids asked with. */
export type ShownFeatures = {
  readonly ts: number;
  readonly user?: { readonly user_id: string; readonly views: RowsByView };
  readonly items?: readonly { readonly item_id: string; readonly views: RowsByView }[];
  readonly context?: ContextFeatures;
};

export type FeatureParts = { readonly reader: FeatureReader; readonly pseudonyms: Pseudonyms };

/** Features of a user as the world outside names them; asking makes nobody known. Errors: those of FeatureReader. */
export async function askFeatures(
  { reader, pseudonyms }: FeatureParts,
  { user, ...rest }: AskedFeatures,
): Promise<ShownFeatures> {
  if (user === undefined) return shown(rest, await reader.read(rest));
  requireUserId(user);
  return shown({ ...rest, user }, await reader.read({ ...rest, user: pseudonyms.known(user) ?? null }));
}

/**
 * `GET /features/user/:user_id?views=a,b`, `GET /features/item/:item_id?views=a,b`, and `POST /features` with
 * `{user?, items?, views?, context?}`, which reads of a user, of up to 1,000 items, and of the user with each of them.
 */
export function registerFeatureRoutes(server: HttpServer, parts: FeatureParts): void {
  type Named<P extends string> = { Params: { [N in P]: string }; Querystring: { views?: string } };
  const named = { config: { query: ['views'] } };
  const viewsOf = ({ views }: { views?: string }) =>
    views === undefined ? {} : { views: parseViews(views) };
  server.routes.get<Named<'user_id'>>('/features/user/:user_id', named, async ({ params, query }) =>
    askFeatures(parts, { user: params.user_id, ...viewsOf(query) }),
  );
  server.routes.get<Named<'item_id'>>('/features/item/:item_id', named, async ({ params, query }) =>
    askFeatures(parts, { items: [params.item_id], ...viewsOf(query) }),
  );
  server.routes.post('/features', async ({ body }) => askFeatures(parts, parseQuery(body)));
}

function shown({ user, items }: AskedFeatures, answer: FeatureAnswer): ShownFeatures {
  const { ts, user: ofUser = {}, items: ofItems = [], context } = answer;
  return {
    ts,
    ...(user !== undefined && { user: { user_id: user, views: ofUser } }),
    ...(items && { items: items.map((item_id, i) => ({ item_id, views: ofItems[i] ?? {} })) }),
    ...(context && { context }),
  };
}
