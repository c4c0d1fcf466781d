/** What the tests of this folder show users: positives that decide where the parts begin, and impressions between them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RankingRows } from '#models';
import { type NegativeOptions, takeSnapshot, withScratchDuckDb } from '#offline';
import {
  announce,
  example,
  item,
  MINUTE_MS,
  noLabels,
  type SmallWorld,
  smallWorld,
  startMs,
  user,
  write,
  writeExamples,
} from '#offline/testing';
import { createLogger, systemClock } from '#platform';
import type { Example, Interaction, Labels, Snapshot } from '#schemas';
import { type RankingReading, type ReadRanking, readRanking } from '../dataset.ts';

/** Minutes between two positives of a user. */
export const ROUND = 1000;
const ROUNDS = 10;
/** Minutes at which the parts begin: two of ten items are for test, one for validation. */
export const VALIDATION = 7 * ROUND;
export const TEST = 8 * ROUND;

export const at = (minute: number): number => startMs + minute * MINUTE_MS;

/** A user takes to items i0 to i9, one after the other. */
export function positives(userId: string): Example[] {
  return Array.from({ length: ROUNDS }, (_, round) => example(userId, `i${round}`, at(round * ROUND)));
}

export type Shown = Partial<
  Pick<Example, 'request_id' | 'position' | 'item' | 'facts' | 'category' | 'pair'>
> & {
  readonly labels?: Partial<Labels> | null;
  readonly recent?: string[];
};

/** Nothing came of it unless told otherwise. */
export function impression(
  userId: string,
  itemId: string,
  ts: number,
  { labels = {}, recent = [], ...more }: Shown = {},
): Example {
  return {
    ...example(userId, itemId, ts, recent),
    event_id: `shown-${userId}-${itemId}-${ts}`,
    kind: 'impression',
    weight: 0,
    labels: labels && { ...noLabels, ...labels },
    ...more,
  };
}

export const clicked: Shown = { labels: { click: true } };

/** A list in each part of which one item was taken and one left. */
export function lists(userId: string): Example[] {
  return [ROUND, VALIDATION + 100, TEST + 100].flatMap((minute) => [
    impression(userId, 'i20', at(minute), clicked),
    impression(userId, 'i21', at(minute) + 1),
  ]);
}

const USERS = 8;

/** Users are shown lists of four between their positives, and take what is popular. */
export function visits(): Example[] {
  return Array.from({ length: USERS }, (_, u) => {
    const user = `u${u}`;
    const shown = Array.from({ length: 9 }, (_, round) =>
      Array.from({ length: 4 }, (_, place) => {
        const popularity = (7 * u + 3 * round + 5 * place) % 11;
        const made = impression(
          user,
          `i${10 + ((u + round + 4 * place) % 20)}`,
          at(round * ROUND + 100) + place,
          {
            ...(popularity > 6 ? clicked : {}),
            position: place,
            recent: [`i${round}`],
          },
        );
        return { ...made, item: { ...made.item, popularity, positives: 1 } };
      }),
    );
    return [...positives(user), ...shown.flat()];
  }).flat();
}

export type Shop = { readonly opened: SmallWorld; readonly snapshot: Snapshot; readonly directory: string };

/** A snapshot of these examples, whatever the order in which they were written. */
export async function shopOf(
  t: TestContext,
  examples: readonly Example[],
  {
    negatives,
    events = [],
  }: { readonly negatives?: NegativeOptions; readonly events?: readonly Interaction[] } = {},
): Promise<Shop> {
  const opened = await smallWorld(t);
  const { log, topics } = opened;
  const catalogue = Array.from({ length: 30 }, (_, i) => item(`i${i}`));
  const known = [...new Set(examples.map(({ user_id }) => user_id))].map((id) => user(id));
  await write(log, topics.items, catalogue, ({ item_id }) => item_id);
  await write(log, topics.users, known, ({ user_id }) => user_id);
  await write(log, topics['interactions-accepted'], events, ({ user_id }) => user_id);
  await writeExamples(opened, examples);
  await announce(opened, at(100 * ROUND));
  const logger = createLogger({ level: 'silent', name: 'test' });
  const snapshot = await takeSnapshot({
    ...opened,
    clock: systemClock,
    logger,
    ...(negatives && { negatives }),
  });
  return { opened, snapshot, directory: join(opened.dataDirectory, snapshot.directory) };
}

const defaultReading: RankingReading = { judgedBy: 'validated', beforeShare: 0, historyLength: 5 };

export function read(
  { directory }: Pick<Shop, 'directory'>,
  reading: Partial<RankingReading> = {},
): Promise<ReadRanking> {
  return withScratchDuckDb((database) => readRanking(database, directory, { ...defaultReading, ...reading }));
}

/** The items of each list, with their grades if requested. */
export function listsOf({ lists: starts, shown, grades }: RankingRows, withGrades = false): string[] {
  return [...starts].slice(0, -1).map((from, list) =>
    Array.from({ length: (starts[list + 1] as number) - from }, (_, i) => {
      const id = shown.items[shown.item[from + i] as number] as string;
      return withGrades ? `${id}:${grades[from + i]}` : id;
    }).join(' '),
  );
}

/** One column of the rows, by the name of its feature. */
export function columnOf({ columns, values, rows }: RankingRows, name: string): number[] {
  const place = columns.findIndex((column) => column.name === name);
  assert.notEqual(place, -1, name);
  return Array.from({ length: rows }, (_, row) => values[row * columns.length + place] as number);
}
