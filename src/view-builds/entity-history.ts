import { readableRecords, type Topic } from '#engine';
import type { AnyView } from '#features';
import type { Log } from '#log';
import type { Interaction } from '#schemas';

/** An event of an entity, and what it made of the entity's row. */
export type HistoryStep = {
  readonly event: Interaction;
  /** Features that differ from the row before the event, both finished at the event's time. */
  readonly changed: { readonly [feature: string]: { readonly before: unknown; readonly after: unknown } };
};

/**
 * The accepted events of one key of a view in the order of time, with the row's changes. Reads the topic from its
 * start: what has passed the topic's retention is not in it.
 */
export async function entityHistory(
  log: Log,
  accepted: Topic<string, Interaction>,
  view: AnyView,
  key: string,
): Promise<readonly HistoryStep[]> {
  const events = await eventsOf(log, accepted, view, key);
  let state = view.empty();
  return events.map((event) => {
    // `add` may change the state in place: the row before it has to be finished first.
    const before = view.finish(state, event.ts) as Readonly<Record<string, unknown>>;
    state = view.add(state, event);
    const after = view.finish(state, event.ts) as Readonly<Record<string, unknown>>;
    const features = Object.keys(after).filter((name) => !isSame(before[name], after[name]));
    const changed = Object.fromEntries(
      features.map((name) => [name, { before: before[name], after: after[name] }]),
    );
    return { event, changed };
  });
}

async function eventsOf(
  log: Log,
  accepted: Topic<string, Interaction>,
  view: AnyView,
  key: string,
): Promise<Interaction[]> {
  const events: Interaction[] = [];
  for await (const records of readableRecords(log, accepted)) {
    for (const { value } of records) {
      if (value !== null && view.filter(value) && view.key(value) === key) events.push(value);
    }
  }
  return events.sort((a, b) => a.ts - b.ts);
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
