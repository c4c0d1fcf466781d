import type { HttpServer } from '#platform';
import { type Pseudonyms, requireUserId } from '#privacy';
import type { ContextFeatures, InteractionContext } from '#schemas';
import { itemFeatures, readFeatures, userFeatures } from '../operations.ts';
import type { FeatureAnswer, FeatureReader, RowsByView } from './feature-reader.ts';

/** A question for features, with the user as the world outside names them. */
type AskedFeatures = {
  readonly user?: string;
  readonly items?: readonly string[];
  readonly views?: readonly string[];
  readonly context?: InteractionContext;
};

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
export function registerFeatureRoutes({ serve }: HttpServer, parts: FeatureParts): void {
  serve(userFeatures, ({ params, query }) => askFeatures(parts, { user: params.user_id, ...named(query) }));
  serve(itemFeatures, ({ params, query }) =>
    askFeatures(parts, { items: [params.item_id], ...named(query) }),
  );
  serve(readFeatures, ({ body: { user, items, views, context } }) =>
    askFeatures(parts, {
      ...(user !== undefined && { user }),
      ...(items !== undefined && { items }),
      ...(context !== undefined && { context }),
      ...named({ views }),
    }),
  );
}

function named({ views }: { readonly views?: readonly string[] | undefined }): Pick<AskedFeatures, 'views'> {
  return views === undefined ? {} : { views };
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
