import { knownItem } from '../view-store/item-numbers.ts';
import type { ItemFacts } from '../view-store/port.ts';
import type { ItemPolicy, PolicyRefusal } from './item-policy.ts';

/** Why an item is no candidate of an answer. */
export type Refusal = PolicyRefusal | 'consumed' | 'current' | 'denied' | 'not_allowed';

/** What an index must leave out, by the numbers of items. */
export type Exclusion = {
  readonly policy: ItemPolicy;
  readonly items: Iterable<number>;
  /** The only items that may be found; all where it is absent. */
  readonly allow?: ReadonlySet<number> | undefined;
};

export type FilteredBy = {
  readonly policy: ItemPolicy;
  /** What the user has dealt with. */
  readonly consumed: Iterable<string>;
  /** What is being looked at. */
  readonly current: string | null;
  readonly deny: Iterable<string>;
  readonly allow: Iterable<string> | null;
  readonly facts: ItemFacts;
};

/**
 * Which items an answer may hold: one decision for every source, whether items are looked at singly or as bitmaps. Ids that
 * no topic and no version has named are of no item that could be found.
 */
export class RequestFilter {
  readonly exclusion: Exclusion;
  readonly #facts: ItemFacts;
  readonly #refused: ReadonlyMap<number, Refusal>;

  constructor({ policy, consumed, current, deny, allow, facts }: FilteredBy) {
    const refused = new Map<number, Refusal>();
    const refuse = (itemId: string, refusal: Refusal) => {
      const item = knownItem(itemId);
      if (item !== undefined) refused.set(item, refusal);
    };
    for (const itemId of consumed) refuse(itemId, 'consumed');
    if (current !== null) refuse(current, 'current');
    for (const itemId of deny) refuse(itemId, 'denied');
    this.#refused = refused;
    this.#facts = facts;
    this.exclusion = {
      policy,
      items: [...refused.keys()],
      allow: allow === null ? undefined : numbered(allow),
    };
  }

  /** Undefined for an item that may be shown. */
  refusal(item: number): Refusal | undefined {
    const { allow, policy } = this.exclusion;
    if (allow !== undefined && !allow.has(item)) return 'not_allowed';
    return this.#refused.get(item) ?? policy.refusal(item, this.#facts);
  }
}

function numbered(itemIds: Iterable<string>): ReadonlySet<number> {
  const items = new Set<number>();
  for (const itemId of itemIds) {
    const item = knownItem(itemId);
    if (item !== undefined) items.add(item);
  }
  return items;
}
