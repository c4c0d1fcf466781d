/** What an import would publish, and what it would refuse, without a log. */
import type { Interaction, Item } from '#schemas';
import type { InputFile } from './input/files.ts';
import { type MalformedRow, readRows } from './read-rows.ts';
import type { RowStage } from './row-stage.ts';

export type DryRun = {
  /** The first events as rows give them, in the order of the files; the import orders them by time. */
  readonly firstEvents: readonly Interaction[];
  readonly firstItems: readonly Item[];
  readonly shownRows: readonly MalformedRow[];
  readonly events: number;
  readonly items: number;
  readonly users: number;
  readonly answers: number;
  readonly malformed: number;
};

type Options = {
  readonly identity: string;
  readonly files: readonly InputFile[];
  /** How many events, items and malformed rows are returned. */
  readonly shown: { readonly events: number; readonly items: number; readonly rows: number };
  readonly onRead: (bytes: number) => void;
  readonly signal: AbortSignal;
};

/** Reads all of the input. Errors: those of readRows. */
export async function dryRun({ identity, files, shown, onRead, signal }: Options): Promise<DryRun> {
  const firstEvents: Interaction[] = [];
  const firstItems: Item[] = [];
  const shownRows: MalformedRow[] = [];
  const counts = { events: 0, items: 0, users: 0, answers: 0, malformed: 0 };
  const taker = {
    take: async ({ events, items, users, answers }: RowStage) => {
      firstEvents.push(...events.slice(0, shown.events - firstEvents.length).map(({ event }) => event));
      firstItems.push(...items.slice(0, shown.items - firstItems.length).map(({ value }) => value));
      counts.events += events.length;
      counts.items += items.length;
      counts.users += users.length;
      counts.answers += answers.length;
    },
    malformed: (row: MalformedRow) => {
      counts.malformed++;
      if (shownRows.length < shown.rows) shownRows.push(row);
    },
  };
  await readRows(files, { identity, taker, onRead, signal });
  return { ...counts, firstEvents, firstItems, shownRows };
}
