/** A binary heap: the first item by `precedes` lies at the top. */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #precedes: (a: T, b: T) => boolean;

  constructor(precedes: (a: T, b: T) => boolean) {
    this.#precedes = precedes;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let index = items.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#precedes(item, items[parent] as T)) break;
      items[index] = items[parent] as T;
      index = parent;
    }
    items[index] = item;
  }

  removeFirst(): void {
    const last = this.#items.pop() as T;
    if (this.#items.length > 0) this.#sink(0, last);
  }

  /** Holds these items, and no others. */
  refill(items: Iterable<T>): void {
    this.#items.length = 0;
    for (const item of items) this.#items.push(item);
    for (let index = this.#items.length >> 1; index-- > 0; ) this.#sink(index, this.#items[index] as T);
  }

  /** The items for which `isWithin` holds, in no order; it holds for none that lies below one for which it does not. */
  *within(isWithin: (item: T) => boolean): Generator<T> {
    const open = [0];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      const item = this.#items[index];
      if (item === undefined || !isWithin(item)) continue;
      yield item;
      open.push(2 * index + 1, 2 * index + 2);
    }
  }

  /** Puts `item` at `from` or below, where it belongs. */
  #sink(from: number, item: T): void {
    const items = this.#items;
    for (let index = from; ; ) {
      let child = 2 * index + 1;
      if (child + 1 < items.length && this.#precedes(items[child + 1] as T, items[child] as T)) child++;
      if (child >= items.length || !this.#precedes(items[child] as T, item)) {
        items[index] = item;
        return;
      }
      items[index] = items[child] as T;
      index = child;
    }
  }
}
