import type { Item } from '#schemas';
import type { ItemClass } from './port.ts';

/** Gives items that filters can't tell apart one object: a catalogue of a million items has some hundreds of classes. */
export class ItemClasses {
  readonly #classes = new Map<string, ItemClass>();
  readonly #byId: ItemClass[] = [];

  of({ available, age_limit, countries, language, category }: Item): ItemClass {
    const key = JSON.stringify([available, age_limit, countries, language, category]);
    const known = this.#classes.get(key);
    if (known !== undefined) return known;
    const id = this.#classes.size;
    const made = { id, available, ageLimit: age_limit, countries, language, category };
    this.#classes.set(key, made);
    this.#byId.push(made);
    return made;
  }

  /** Undefined for an id that no class has. */
  at(id: number): ItemClass | undefined {
    return this.#byId[id];
  }
}
