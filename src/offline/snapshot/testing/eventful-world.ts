/** A small world of events that examples, negatives and views of modules are folded from. */
import type { TestContext } from 'node:test';
import { type AnyView, interactionWeight } from '#features';
import { temporaryDirectory } from '#platform/testing';
import type { Interaction, InteractionKind } from '#schemas';
import { literal, withDuckDb } from '../../duckdb.ts';
import {
  announce,
  example,
  item,
  MINUTE_MS,
  type SmallWorld,
  smallWorld,
  startMs,
  write,
  writeExamples,
} from './small-world.ts';

const kinds: readonly InteractionKind[] = ['impression', 'view', 'click', 'skip', 'rating'];

/** Events of 6 users on 9 items, four at a time; every positive is an example as well. */
export async function eventfulWorld(
  t: TestContext,
  count = 240,
): Promise<{ opened: SmallWorld; events: Interaction[] }> {
  const opened = await smallWorld(t);
  const items = Array.from({ length: 9 }, (_, i) => ({
    ...item(`i${i}`),
    created: i < 8 ? 0 : startMs + 45 * MINUTE_MS,
  }));
  const events = Array.from({ length: count }, (_, i): Interaction => {
    const of = items[(i * 5) % 8] as (typeof items)[number];
    const kind = kinds[i % kinds.length] ?? 'view';
    return {
      event_id: `e${i}`,
      user_id: `u${(i * 7) % 6}`,
      item_id: of.item_id,
      kind,
      value: kind === 'rating' ? 3 : null,
      watch_ms: null,
      session_id: null,
      request_id: null,
      context: { device: null, country: null, language: null },
      ts: startMs + Math.floor(i / 4) * MINUTE_MS,
      original_ts: null,
      item: {
        type: 'video',
        category: of.category,
        tags: of.tags,
        duration_ms: null,
        difficulty: null,
        created: 0,
      },
    };
  });
  await write(opened.log, opened.topics.items, items, ({ item_id }) => item_id);
  // Not in order of time, as partitions may be.
  const shuffled = events.toSorted((a, b) => (a.event_id < b.event_id ? -1 : 1));
  for (let from = 0; from < shuffled.length; from += 60) {
    const some = shuffled.slice(from, from + 60);
    await write(opened.log, opened.topics['interactions-accepted'], some, ({ user_id }) => user_id);
  }
  const positives = events.filter(({ kind }) => interactionWeight(kind) > 0);
  await writeExamples(
    opened,
    positives.map((each) => ({
      ...example(each.user_id, each.item_id ?? '', each.ts),
      event_id: each.event_id,
      weight: interactionWeight(each.kind),
    })),
  );
  await announce(opened, startMs + (count / 4) * MINUTE_MS);
  return { opened, events };
}

/** The row of a key by a fold of its own over the events strictly before a time, as a snapshot's columns. */
export function rowBefore(
  events: readonly Interaction[],
  view: AnyView,
  { key, ts, prefix }: { readonly key: string; readonly ts: number; readonly prefix: string },
): Readonly<Record<string, unknown>> {
  const own = events.filter((each) => each.ts < ts && view.filter(each) && view.key(each) === key);
  const state = own.reduce((folded, each) => view.add(folded, each), view.empty());
  const row: Readonly<Record<string, unknown>> = view.finish(state, ts);
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [`${prefix}${name}`, value]));
}

/** The rows of a snapshot's file. */
export async function rowsIn<Row>(t: TestContext, path: string): Promise<Row[]> {
  return withDuckDb(temporaryDirectory(t), async (database) => {
    const rows = await database.rows(`FROM read_parquet(${literal(path)})`);
    return rows.map((each) => plain(each) as Row);
  });
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}
