import type { Item } from '#schemas';
import { ItemClasses } from './item-classes.ts';
import type { ItemClass, ItemFacts } from './port.ts';

/** The class of an item that is not in the catalogue. */
const NO_CLASS = -1;

/** The facts of the catalogue's items, in columns by the items' numbers. */
export class CatalogueFacts implements ItemFacts {
  readonly #classes = new ItemClasses();
  #classIds = new Int32Array(1024).fill(NO_CLASS);
  #created = new Float64Array(1024);

  classOf(item: number): ItemClass | undefined {
    return this.#classes.at(this.#classIds[item] ?? NO_CLASS);
  }

  createdOf(item: number): number {
    return this.#created[item] ?? 0;
  }

  set(item: number, facts: Item | undefined): void {
    if (item >= this.#classIds.length) this.#grow(item);
    this.#classIds[item] = facts === undefined ? NO_CLASS : this.#classes.of(facts).id;
    this.#created[item] = facts?.created ?? 0;
  }

  /** Available items, in no particular order. */
  *available(): Iterable<number> {
    for (let item = 0; item < this.#classIds.length; item++)
      if (this.classOf(item)?.available === true) yield item;
  }

  #grow(item: number): void {
    const classIds = new Int32Array(2 * item).fill(NO_CLASS);
    const created = new Float64Array(2 * item);
    classIds.set(this.#classIds);
    created.set(this.#created);
    this.#classIds = classIds;
    this.#created = created;
  }
}
