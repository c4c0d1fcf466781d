/** What rows have given, until a block of them is taken over; each row whole or not at all. */
import { invalidReason } from '#processors';
import type { Answer, Interaction, Item, User } from '#schemas';
import type { RowSink } from './source.ts';
import { idProblem } from './values.ts';

export type Timed<V> = { readonly value: V; readonly atMs: number | undefined };
export type OrderedEvent = { readonly event: Interaction; readonly order: number };

export class RowStage implements RowSink {
  readonly events: OrderedEvent[] = [];
  readonly items: Timed<Item>[] = [];
  readonly users: Timed<User>[] = [];
  readonly answers: Answer[] = [];
  /** Beginning of the ids of events, the same for each reading of a file of that name. */
  #mark = '';
  readonly #lists: readonly unknown[][] = [this.events, this.items, this.users, this.answers];
  /** Lengths of the lists after the last complete row. */
  readonly #lengths = [0, 0, 0, 0];

  beginFile(mark: string): void {
    this.#mark = mark;
  }

  event(event: Interaction, order = 0): void {
    this.events.push({ event, order });
  }

  item(value: Item, atMs?: number): void {
    this.items.push({ value, atMs });
  }

  user(value: User, atMs?: number): void {
    this.users.push({ value, atMs });
  }

  answer(answer: Answer): void {
    this.answers.push(answer);
  }

  /** Ends a row. Returns what is wrong with it: `reason`, or what admission would refuse of its events. */
  endRow(line: number, reason: string | undefined): string | undefined {
    const problem = reason ?? this.#problem(line);
    for (let i = 0; i < this.#lists.length; i++) {
      const list = this.#lists[i] as unknown[];
      if (problem !== undefined) list.length = this.#lengths[i] as number;
      this.#lengths[i] = list.length;
    }
    return problem;
  }

  clear(): void {
    for (const list of this.#lists) list.length = 0;
    this.#lengths.fill(0);
  }

  #problem(line: number): string | undefined {
    const [events = 0, items = 0, users = 0, answers = 0] = this.#lengths;
    for (let i = events; i < this.events.length; i++) {
      const { event } = this.events[i] as OrderedEvent;
      if (event.event_id === '') event.event_id = this.#eventId(event, line, i - events);
      const problem = invalidReason(event);
      if (problem !== undefined) return problem;
    }
    for (let i = items; i < this.items.length; i++) {
      const problem = idProblem('item_id', this.items[i]?.value.item_id ?? '');
      if (problem !== undefined) return problem;
    }
    for (let i = users; i < this.users.length; i++) {
      const problem = idProblem('user_id', this.users[i]?.value.user_id ?? '');
      if (problem !== undefined) return problem;
    }
    for (let i = answers; i < this.answers.length; i++) {
      const { user_id = '', request_id = '' } = this.answers[i] ?? {};
      const problem = idProblem('user_id', user_id) ?? idProblem('request_id', request_id);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /**
   * The same whenever the row is read, without the user's id: ids of events have to be unique per user only. The time
   * tells apart rows of files that have the same name.
   */
  #eventId({ ts }: Interaction, line: number, nth: number): string {
    const within = nth === 0 ? '' : `.${nth}`;
    return `${this.#mark}-${line}${within}-${ts}`;
  }
}
