/** A data set held in memory as a whole, for benchmarks and evaluations; imports never do that. */
import type { Interaction, Item, User } from '#schemas';
import { findInput } from './input/files.ts';
import { type MalformedRow, readRows } from './read-rows.ts';
import type { RowStage } from './row-stage.ts';
import type { Source } from './source.ts';

export type DataSet = {
  /** ms since the epoch, just before the first event: when users and items were there. */
  readonly tablesAt: number;
  readonly users: readonly User[];
  readonly items: readonly Item[];
  /** In the order in which an import publishes them, with ids as the data set has them. */
  readonly events: readonly Interaction[];
  readonly malformed: readonly MalformedRow[];
};

const BEFORE_FIRST_MS = 1000;

/** Errors: those of findInput and readRows. */
export async function readDataSet(source: Source, paths: readonly string[]): Promise<DataSet> {
  const opened = source.open('');
  const { files } = await findInput(source, opened, paths);
  const events: { event: Interaction; order: number }[] = [];
  const items: Item[] = [];
  const users: User[] = [];
  const malformed: MalformedRow[] = [];
  const taker = {
    take: async (stage: RowStage) => {
      for (const each of stage.events) events.push(each);
      for (const { value } of stage.items) items.push(value);
      for (const { value } of stage.users) users.push(value);
    },
    malformed: (row: MalformedRow) => void malformed.push(row),
  };
  const { signal } = new AbortController();
  await readRows(files, { identity: opened.identity, taker, onRead: () => {}, signal });
  events.sort((left, right) => left.event.ts - right.event.ts || left.order - right.order);
  const tablesAt = (events[0]?.event.ts ?? BEFORE_FIRST_MS) - BEFORE_FIRST_MS;
  for (const row of [...items, ...users]) row.created = Math.min(row.created, tablesAt);
  return { tablesAt, users, items, events: events.map(({ event }) => event), malformed };
}
