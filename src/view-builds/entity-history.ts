import { readableRecords } from '#engine';
import type { AnyView } from '#features';
import type { OfflineSource } from '#offline';
import { errorCode } from '#platform';
import type { Interaction } from '#schemas';
import { eachArchivedChunk } from './archived-events.ts';

/** An event of an entity, and what it made of the entity's row. */
export type HistoryStep = {
  readonly event: Interaction;
  /** Features that differ from the row before the event, both finished at the event's time. */
  readonly changed: { readonly [feature: string]: { readonly before: unknown; readonly after: unknown } };
};

export type EntityHistory = {
  readonly steps: readonly HistoryStep[];
  /** Whether the log or the archive has the events from the first one on. */
  readonly isWhole: boolean;
};

/**
 * The accepted events of one key of a view in the order of time, with the row's changes: those that the log has, and before
 * them those of the archive. Errors: MR_OFFLINE_FILE_CORRUPT, MR_OFFLINE_FILE_MISSING.
 */
export async function entityHistory(
  environment: OfflineSource,
  view: AnyView,
  key: string,
): Promise<EntityHistory> {
  const { events, isWhole } = await eventsOf(environment, view, key);
  let state = view.empty();
  const steps = events.map((event) => {
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
  return { steps, isWhole };
}

async function eventsOf(environment: OfflineSource, view: AnyView, key: string) {
  const isOf = (event: Interaction) => view.filter(event) && view.key(event) === key;
  const events: Interaction[] = [];
  let isWhole = true;
  try {
    await eachArchivedChunk(environment, async (chunk) => void events.push(...chunk.filter(isOf)));
  } catch (error) {
    if (errorCode(error) !== 'MR_OFFLINE_INCOMPLETE') throw error;
    isWhole = false;
  }
  const { log, topics } = environment;
  for await (const records of readableRecords(log, topics['interactions-accepted'])) {
    for (const { value } of records) {
      if (value !== null && isOf(value)) events.push(value);
    }
  }
  return { events: events.sort((a, b) => a.ts - b.ts), isWhole };
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
