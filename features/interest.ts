/** What an event says about a user's interest in an item: one table, for features, examples and models alike. */
import type { Interaction, InteractionKind } from '#schemas';

/**
 * The weight of a kind as a training signal; 0 is no interest. A view or a click is cheap and counts half. A rating
 * counts whatever its value: that it was given says that the item was used, and how much it was liked is the
 * business of `rating_mean`. An impression is the system's act, a search names no item, a skip is the opposite.
 */
const WEIGHTS: Readonly<Record<InteractionKind, number>> = {
  impression: 0,
  search: 0,
  skip: 0,
  view: 0.5,
  click: 0.5,
  complete: 1,
  like: 1,
  comment: 1,
  rating: 1,
  purchase: 1,
  quiz_score: 1,
};

export const interactionKinds = Object.keys(WEIGHTS) as readonly InteractionKind[];

/** Looked up several times per event. */
const KINDS_OF_INTEREST: ReadonlySet<InteractionKind> = new Set(
  interactionKinds.filter((kind) => WEIGHTS[kind] > 0),
);

export type ItemInteraction = Interaction & { readonly item_id: string };

export function interactionWeight(kind: InteractionKind): number {
  return WEIGHTS[kind];
}

/** Interest in an item: what becomes a positive example, and what counts for popularity. */
export function isPositive(event: Interaction): event is ItemInteraction {
  return event.item_id !== null && KINDS_OF_INTEREST.has(event.kind);
}

/** The user dealt with the item, gladly or not (a skip is one): it is not to be recommended again. */
export function isSeen(event: Interaction): event is ItemInteraction {
  return event.item_id !== null && event.kind !== 'impression' && event.kind !== 'search';
}

/** Whether the event brings a value for a mean rating. */
export function isRated(event: Interaction): boolean {
  return event.kind === 'rating' && event.value !== null;
}
