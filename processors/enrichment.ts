import { InputError } from '#platform';
import type { Interaction, Item, ItemFacts, User } from '#schemas';

/** What becomes of an event of an item, or a user, that the catalogue does not have. */
export type UnknownPolicy = 'accept' | 'refuse';

export type EnrichmentOptions = {
  /** An item that is not on `items`; 'accept' by default. */
  readonly unknownItem?: UnknownPolicy;
  /** A user who is not on `users`; 'accept' by default. */
  readonly unknownUser?: UnknownPolicy;
  /** Told of each event of an unknown item or user, and of each that is let through. */
  readonly count: (outcome: 'unknown-item' | 'unknown-user' | 'accepted' | 'clamped') => void;
};

/**
 * Joiner that stamps an admitted event with what the catalogue says of its item now: from here on the event tells all
 * that views need, so they are the same live and rebuilt, whatever becomes of the catalogue. It stands behind admission,
 * not before it: what a global table holds at a moment is written down nowhere, so nothing that depends on it may reach a
 * store that verification has to prove. An event that is refused here has therefore used up its id.
 * Errors: MR_EVENT_UNKNOWN_ITEM.
 */
export function withItemFacts({ unknownItem = 'accept', count }: EnrichmentOptions) {
  return (event: Interaction, item: Item | null): Interaction => {
    if (item === null && event.item_id !== null) {
      count('unknown-item');
      if (unknownItem === 'refuse') {
        throw new InputError('MR_EVENT_UNKNOWN_ITEM', `there is no item ${event.item_id}`);
      }
    }
    return { ...event, item: item === null ? null : factsOf(item) };
  };
}

function factsOf({ type, category, tags, duration_ms, difficulty, created }: Item): ItemFacts {
  return { type, category, tags, duration_ms, difficulty, created };
}

/** Joiner that lets through what users there are, and others as declared. Errors: MR_EVENT_UNKNOWN_USER. */
export function ofKnownUser({ unknownUser = 'accept', count }: EnrichmentOptions) {
  return (event: Interaction, user: User | null): Interaction => {
    if (user === null) {
      count('unknown-user');
      if (unknownUser === 'refuse') {
        throw new InputError('MR_EVENT_UNKNOWN_USER', `there is no user ${event.user_id}`);
      }
    }
    count(event.original_ts === null ? 'accepted' : 'clamped');
    return event;
  };
}
