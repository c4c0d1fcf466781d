import type { Interaction } from '#schemas';
import { clickChance } from './behaviour.ts';
import { entryIndex } from './catalogue.ts';
import { TrendWatch } from './rhythm.ts';
import type { World } from './world.ts';

/**
 * What a recommender tries to learn, as the world has it: the chance that a user clicks on an item. It knows tastes, the
 * quality of items, trends, and what the user has clicked on before, by the functions that agents themselves follow.
 */
export class Oracle {
  readonly #world: World;
  readonly #clicked = new Map<string, Set<number>>();

  /** `events`: what has happened in this world so far. */
  constructor(world: World, events: Iterable<Interaction>) {
    this.#world = world;
    for (const { kind, user_id, item_id } of events) {
      if (kind !== 'click' || item_id === null) continue;
      const items = this.#clicked.get(user_id) ?? new Set();
      this.#clicked.set(user_id, items.add(entryIndex(world.catalogue, item_id)));
    }
  }

  /**
   * By item id, at the end of the world's period: the chance of a click on the item at the top of the home page, from 0 to
   * 1. `user`: index of the agent; `u7` is agent 6.
   */
  clickChances(user: number): Map<string, number> {
    const world = this.#world;
    const trends = new TrendWatch(world.trends);
    trends.advance(world.periodMs - 1);
    const agent = world.agent(user);
    const clicked = this.#clicked.get(agent.user.user_id);
    const situation = { trends: trends.active, intent: 0, position: 0 };
    return new Map(
      world.catalogue.entries.map((entry, index) => [
        entry.item.item_id,
        clickChance(agent, entry, index, { ...situation, had: clicked?.has(index) ?? false }),
      ]),
    );
  }
}
