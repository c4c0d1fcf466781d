/** What can be asked of the feature reader, and how a refusal says it. */
import type { Entity } from '#features';
import { InputError } from '#platform';
import { requireUserId } from '#privacy';
import { invalidIdReason } from '#schemas';
import type { FeatureQuery } from './feature-reader.ts';
import type { OnlineView, OnlineViews } from './online-views.ts';

/** What `views` may name beside the views: the features of the request itself. */
export const CONTEXT = 'context';
export const MOST_ITEMS = 1_000;
/** What a request for features looks like. */
export const FEATURE_HINT =
  'Send {"user": "u1", "items": ["i1"], "views": ["user-features"], "context": {"device": "tv"}}, or part of it.';

const needs: Readonly<Record<Entity, string>> = {
  user: 'a user',
  item: 'items',
  'user-category': 'a user and items',
  'user-item': 'a user and items',
};

/** The views that the query reads. Errors: MR_PRIVACY_USER, MR_FEATURES_REQUEST, MR_FEATURES_ENTITY, MR_FEATURES_UNKNOWN_VIEW. */
export function fittingViews(query: FeatureQuery, online: OnlineViews): readonly OnlineView[] {
  requireEntities(query);
  const fits = ({ entity }: OnlineView) =>
    (query.user !== undefined || entity === 'item') && (query.items !== undefined || entity === 'user');
  if (query.views === undefined) return online.all.filter(fits);
  if (query.views.length === 0) throw badRequest('No view is named.', 'Omit views to read all that apply.');
  const names = new Set(query.views);
  names.delete(CONTEXT);
  return Array.from(names, (name) => {
    const view = query.ofProduct === true ? online.ofProduct(name) : online.named(name);
    if (fits(view)) return view;
    throw new InputError('MR_FEATURES_ENTITY', `To read view ${name}, ${needs[view.entity]} must be named.`, {
      hint: 'Name them, or omit the view.',
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
  if (items.length === 0) throw badRequest('The list of items is empty.', 'Omit it, or name some.');
  if (items.length > MOST_ITEMS) throw tooManyItems(items.length);
  for (const item of items) {
    const reason = invalidIdReason(item);
    if (reason !== undefined) throw badRequest(`An item id ${reason}.`, 'Use the ids that events carry.');
  }
}

export function tooManyItems(count: number): InputError {
  return badRequest(`${count} items are named.`, `Request at most ${MOST_ITEMS} at once.`);
}

export function badRequest(message: string, hint: string): InputError {
  return new InputError('MR_FEATURES_REQUEST', message, { hint });
}
