import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { type AnyView, featureViews, userFeaturesView } from '#features';
import { temporaryDirectory } from '#platform/testing';
import type { Interaction } from '#schemas';
import { archiveNow } from '../archive.ts';
import { literal } from '../duckdb.ts';
import { openOffline } from '../reading.ts';
import {
  accept,
  announce,
  archivedWorld,
  ask,
  DAY_MS,
  event,
  events,
  openArchivedWorld,
  startMs,
} from '../testing/archived-world.ts';
import { sqlName } from './history-tables.ts';

type Asked = { readonly key: string; readonly at: number };

/** A few users and items, and times that many events share. */
const worlds = fc.record({
  events: fc.array(
    fc.record({
      kind: fc.constantFrom('impression', 'view', 'click', 'complete', 'like', 'rating', 'search'),
      user: fc.integer({ min: 0, max: 3 }),
      item: fc.integer({ min: 0, max: 3 }),
      ts: fc.integer({ min: 0, max: 40 }).map((step) => startMs + Math.floor((step * 4 * DAY_MS) / 40)),
    }),
    { minLength: 60, maxLength: 150 },
  ),
  watermark: fc.integer({ min: 0, max: 4 * DAY_MS }).map((ms) => startMs + ms),
});

function accepted(
  { kind, user, item, ts }: { kind: string; user: number; item: number; ts: number },
  i: number,
): Interaction {
  const base = { ...event(i), event_id: `e${i}`, user_id: `u${user}`, ts };
  const named = { ...base, item_id: `i${item}`, kind: kind as Interaction['kind'] };
  return kind === 'search' ? { ...named, item_id: null, item: null } : named;
}

/** By hand: every event of the key strictly before the time. */
function folded(view: AnyView, all: readonly Interaction[], { key, at }: Asked): unknown {
  let state = view.empty();
  for (const each of all) {
    if (each.ts < at && view.filter(each) && view.key(each) === key) state = view.add(state, each);
  }
  return view.finish(state, at);
}

/** Every key at every time at which something happened, just before and just after. */
function questions(view: AnyView, all: readonly Interaction[]): Asked[] {
  const keys = new Set(all.filter((each) => view.filter(each)).map((each) => view.key(each)));
  const times = new Set(all.flatMap(({ ts }) => [ts, ts + 1]));
  const every = [...keys, 'nobody'].flatMap((key) => [...times].map((at) => ({ key, at })));
  const step = Math.ceil(every.length / 150);
  return every.filter((_, i) => i % step === 0);
}

it('gives rows as of a time as they are folded by hand, whatever is done and whatever is open', async (t) => {
  await fc.assert(
    fc.asyncProperty(worlds, async ({ events: drawn, watermark }) => {
      const all = drawn.map(accepted);
      const world = await openArchivedWorld(temporaryDirectory(t));
      await accept(
        world,
        all.filter(({ ts }) => ts < watermark),
      );
      await announce(world, watermark);
      await archiveNow(world.options);
      await accept(
        world,
        all.filter(({ ts }) => ts >= watermark),
      );
      await archiveNow(world.options);
      for (const view of featureViews) {
        const asked = questions(view, all);
        const values = asked.map(({ key, at }, i) => `(${i}, ${literal(key)}, ${at})`).join(', ');
        const name = sqlName(view);
        const rows = await ask(
          world,
          `SELECT ${name}_row(h.state, q.at) AS row FROM (VALUES ${values}) AS q(i, "key", "at")
           ASOF LEFT JOIN ${name} AS h ON q."key" = h."key" AND q."at" > h.valid_from ORDER BY i`,
        );
        for (const [i, question] of asked.entries()) {
          assert.deepEqual(numbers(rows[i]?.row), folded(view, all, question), JSON.stringify(question));
        }
      }
      await world.log.close();
    }),
    { numRuns: 2, seed: 20_260_130 },
  );
});

it('does each date once, and goes on from the states at its end', async (t) => {
  const world = await archivedWorld(t);
  const views = [userFeaturesView];
  const archive = () => archiveNow({ ...world.options, views });
  const history = async () =>
    (await openOffline(world)).files('user-features-2').map(({ path, ts }) => [path, ts]);
  await accept(world, events(0, 400));
  await announce(world, startMs + DAY_MS);
  await archive();
  const first = await history();
  assert.equal(first.length, 1);
  await accept(world, events(400, 1_000));
  await announce(world, startMs + 3 * DAY_MS);
  await archive();
  const all = await history();
  assert.equal(all.length, 3);
  assert.deepEqual(all.slice(0, 1), first);
  const counted = await ask(
    world,
    `SELECT sum(events)::INTEGER AS n FROM user_features_as_of(${startMs + 5 * DAY_MS})`,
  );
  assert.deepEqual(counted, [{ n: 1_000 }]);
  const { ts } = event(500);
  const before = await ask(world, `SELECT sum(events)::INTEGER AS n FROM user_features_as_of(${ts})`);
  assert.deepEqual(
    before,
    [{ n: events(0, 1_000).filter((each) => each.ts < ts).length }],
    'strictly before',
  );
});

it('keeps no history that could not begin at the beginning', async (t) => {
  const world = await archivedWorld(t);
  const retention = { eventsMs: DAY_MS, featuresMs: 90 * DAY_MS };
  await accept(world, events(0, 700));
  await announce(world, startMs + 3 * DAY_MS);
  await archiveNow({ ...world.options, retention, views: [] });
  await accept(world, events(700, 1_000));
  await archiveNow({ ...world.options, retention });
  assert.deepEqual((await openOffline(world)).files('user-features-2'), []);
  const asked = ask(world, 'SELECT count(*) FROM user_features');
  await assert.rejects(asked, { code: 'MR_OFFLINE_HISTORY_INCOMPLETE' });
});

/** BIGINT as numbers. */
function numbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(numbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, numbers(each)]));
}
