import type { Random } from '#models';

/** Items of a user that those drawn next go along with. */
const LAST_ITEMS = 10;
/** What went along with an item is drawn from this many, the newest: enough for their shares, and bounded. */
const MOST_ALONG = 100;

/** Which items users took to along with one another, up to now. */
export class Along {
  /** By user, oldest first. */
  readonly #last = new Map<number, number[]>();
  /** By item, a ring: an item that went along with it twice is in it twice. */
  readonly #along = new Map<number, { readonly items: number[]; next: number }>();

  add(user: number, item: number): void {
    const last = this.#last.get(user) ?? [];
    this.#last.set(user, last);
    for (const other of last) {
      if (other === item) continue;
      this.#addBeside(other, item);
      this.#addBeside(item, other);
    }
    last.push(item);
    if (last.length > LAST_ITEMS) last.shift();
  }

  /** Beside any of the user's last items; undefined where nothing has gone along with the one that was picked. */
  draw(user: number, random: Random): number | undefined {
    const last = this.lastOf(user, random);
    const { items } = (last === undefined ? undefined : this.#along.get(last)) ?? { items: [] };
    return items.length === 0 ? undefined : items[random.integer(items.length)];
  }

  /** One of the user's last items; undefined where there is none. */
  lastOf(user: number, random: Random): number | undefined {
    const last = this.#last.get(user);
    return last?.[random.integer(last.length)];
  }

  #addBeside(item: number, other: number): void {
    const ring = this.#along.get(item) ?? { items: [], next: 0 };
    this.#along.set(item, ring);
    ring.items[ring.next] = other;
    ring.next = (ring.next + 1) % MOST_ALONG;
  }
}
