/** What can be asked of the feature reader, and how a refusal says it. */
import type { Entity } from '#features';
import { InputError } from '#platform';
import type { FeatureQuery } from './feature-reader.ts';
import type { OnlineView, OnlineViews } from './online-views.ts';

/** What `views` may name beside the views: the features of the request itself. */
export const CONTEXT = 'context';
const MOST_ITEMS = 1_000;
const MOST_ID_LENGTH = 128;
/** Separates what a cross key joins, and stands in no id of a user. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const controlCharacter = /[\u0000-\u001f]/;

const needs: Readonly<Record<Entity, string>> = {
  user: 'a user',
  item: 'items',
  'user-category': 'a user and items',
  'user-item': 'a user and items',
};

/** The views that the query reads. Errors: MR_FEATURES_REQUEST, MR_FEATURES_ENTITY, MR_FEATURES_UNKNOWN_VIEW. */
export function fittingViews(query: FeatureQuery, online: OnlineViews): readonly OnlineView[] {
  requireEntities(query);
  const fits = ({ entity }: OnlineView) =>
    (query.user !== undefined || entity === 'item') && (query.items !== undefined || entity === 'user');
  if (query.views === undefined) return online.all.filter(fits);
  if (query.views.length === 0)
    throw badRequest('No view is named.', 'Leave views out to read all that fit.');
  const names = new Set(query.views);
  names.delete(CONTEXT);
  return Array.from(names, (name) => {
    const view = query.ofProduct === true ? online.ofProduct(name) : online.named(name);
    if (fits(view)) return view;
    throw new InputError('MR_FEATURES_ENTITY', `To read view ${name}, ${needs[view.entity]} must be named.`, {
      hint: 'Name them, or leave the view out.',
    });
  });
}

function requireEntities({ user, items, views, context }: FeatureQuery): void {
  if (user === undefined && items === undefined && context === undefined && !views?.includes(CONTEXT)) {
    throw new InputError('MR_FEATURES_ENTITY', 'Neither a user nor items are named.', {
      hint: 'Name a user, items or both.',
    });
  }
  if (typeof user === 'string') requireUserId(user);
  if (items === undefined) return;
  if (items.length === 0) throw badRequest('The list of items is empty.', 'Leave it out, or name some.');
  if (items.length > MOST_ITEMS) {
    throw badRequest(`${items.length} items are named.`, `Ask for ${MOST_ITEMS} at once, at most.`);
  }
  for (const item of items) {
    if (!isId(item)) throw badRequest(`An item id has 1 to ${MOST_ID_LENGTH} characters.`, ID_HINT);
  }
}

/** Errors: MR_FEATURES_REQUEST for what no event may carry as its user. */
export function requireUserId(user: string): void {
  if (isId(user) && !controlCharacter.test(user)) return;
  throw badRequest(`A user id has 1 to ${MOST_ID_LENGTH} characters, and no control characters.`, ID_HINT);
}

const ID_HINT = 'Ask with the ids that events carry.';

function isId(id: string): boolean {
  return id.length > 0 && id.length <= MOST_ID_LENGTH && id.isWellFormed();
}

export function badRequest(message: string, hint: string): InputError {
  return new InputError('MR_FEATURES_REQUEST', message, { hint });
}
