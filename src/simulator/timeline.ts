type Scheduled<T> = { readonly at: number; readonly order: number; readonly value: T };

/** What is to happen, by time, and among equals in the order in which it was added: a binary heap. */
export class Timeline<T> {
  readonly #heap: Scheduled<T>[] = [];
  #added = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(at: number, value: T): void {
    const heap = this.#heap;
    const entry: Scheduled<T> = { at, order: this.#added++, value };
    let child = heap.length;
    heap.push(entry);
    while (child > 0) {
      const parent = (child - 1) >>> 1;
      const above = heap[parent] as Scheduled<T>;
      if (!before(entry, above)) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = entry;
  }

  /** Takes out the first thing that is due at `now`. */
  takeDue(now: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.#heap.pop() as Scheduled<T>;
    if (this.#heap.length > 0) this.#sink(last);
    return first.value;
  }

  /** Puts an entry in place of the top and lets it find its level. */
  #sink(entry: Scheduled<T>): void {
    const heap = this.#heap;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as Scheduled<T>)) child++;
      if (!before(heap[child] as Scheduled<T>, entry)) break;
      heap[parent] = heap[child] as Scheduled<T>;
      parent = child;
    }
    heap[parent] = entry;
  }
}

function before<T>(left: Scheduled<T>, right: Scheduled<T>): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
