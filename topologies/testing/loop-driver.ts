/** The loop topology in a driver: the real tasks over a log in memory, with events of a few users over a few items. */
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { type DriverOptions, TopologyDriver } from '#engine/testing';
import { invalidReason, startsExample } from '#processors';
import type { Example, Interaction, InteractionKind, Item, PrivacyStatus } from '#schemas';
import { type LoopOptions, loopTopology } from '../loop.ts';
import { openTopics, type Topics } from '../topics.ts';

export const HOUR_MS = 3_600_000;
export const MINUTE_MS = 60_000;
export const NOW = Date.UTC(2026, 0, 10);
export const LATENESS_MS = 10_000;
export const WINDOW_MS = 30 * MINUTE_MS;

export type Loop = {
  readonly driver: TopologyDriver;
  readonly topics: Topics;
  readonly outcomes: Record<string, number>;
};

export async function openLoop(
  t?: TestContext,
  options: DriverOptions = {},
  policies: Partial<LoopOptions['admission']> = {},
  gate: Partial<LoopOptions['gate']> = {},
  examples: LoopOptions['examples'] = {},
  featureTtlMs: LoopOptions['featureTtlMs'] = {},
): Promise<Loop> {
  let topics: Topics | undefined;
  const outcomes: Record<string, number> = {};
  const count = (outcome: string) => {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  };
  const driver = await TopologyDriver.open(
    async (log) => {
      topics = await openTopics(log, log.registry);
      const limits = { latenessMs: LATENESS_MS, dedupHorizonMs: 24 * HOUR_MS, futureMs: 300_000 };
      const admission = { ...limits, count, ...policies };
      return loopTopology(topics, log.registry, {
        admission,
        gate: { minimumLift: 1, ...gate },
        examples,
        featureTtlMs,
      });
    },
    { wallClockMs: NOW, ...options },
  );
  t?.after(() => driver.close());
  return { driver, topics: topics as Topics, outcomes };
}

/** User u views item i. */
export function event(id: string, ts: number, overrides: Partial<Interaction> = {}): Interaction {
  return {
    event_id: id,
    user_id: 'u',
    item_id: 'i',
    session_id: null,
    request_id: null,
    kind: 'view',
    value: null,
    watch_ms: null,
    context: { device: null, country: null, language: null },
    ts,
    original_ts: null,
    item: null,
    ...overrides,
  };
}

/** An item with a duration of ten seconds. */
export function item(item_id: string, category = 'Drama'): Item {
  const facts = { type: 'video', tags: [category], duration_ms: 10_000, difficulty: null } as const;
  const rest = { title: item_id, language: null, available: true, age_limit: 0, countries: [], created: 0 };
  return { item_id, category, ...rest, ...facts, tags: [category] };
}

export async function publish({ driver, topics }: Loop, ...events: Interaction[]): Promise<void> {
  await driver.pipe(topics.interactions, ...events.map((each) => [each.user_id, each, each.ts] as const));
  await driver.settle();
}

export async function publishItems({ driver, topics }: Loop, ...items: Item[]): Promise<void> {
  await driver.pipe(topics.items, ...items.map((each) => [each.item_id, each, each.created] as const));
}

export async function decide(
  { driver, topics }: Loop,
  user_id: string,
  status: PrivacyStatus,
): Promise<void> {
  await driver.pipe(topics.privacy, [user_id, { user_id, status, ts: NOW }, NOW]);
  await driver.settle();
}

/** Ends the world: time goes on to `ms`, and all that has waited for it comes out. */
export async function goOnTo({ driver, topics }: Loop, ms: number): Promise<void> {
  await driver.announce(topics.interactions, ms);
  await driver.settle();
}

async function values<V>(records: Promise<readonly { readonly value: V | null }[]>): Promise<V[]> {
  return (await records).map(({ value }) => value as V);
}

export const accepted = ({ driver, topics }: Loop) => values(driver.read(topics['interactions-accepted']));
/** The codes of refusals. */
export const refusals = async ({ driver, topics }: Loop) =>
  (await values(driver.read(topics['dead-letters']))).map(({ reason }) => reason);
export const ranks = ({ driver, topics }: Loop) => values(driver.read(topics['popularity-ranks']));
export const corrections = ({ driver, topics }: Loop) => values(driver.read(topics['example-corrections']));

/** In the order of event ids. */
export async function examples({ driver, topics }: Loop): Promise<Example[]> {
  const all = await values(driver.read(topics.examples));
  return all.sort((a, b) => (a.event_id < b.event_id ? -1 : 1));
}

/** The events behind examples, in the order of their ids. */
export function startingExamples(events: readonly Interaction[]): Interaction[] {
  return events.filter(startsExample).sort((a, b) => (a.event_id < b.event_id ? -1 : 1));
}

const kinds = [
  'impression',
  'view',
  'click',
  'complete',
  'like',
  'rating',
  'purchase',
  'skip',
  'search',
] as const;

type Act = {
  readonly user: string;
  readonly item: string | null;
  readonly kind: InteractionKind;
  readonly atMs: number;
  readonly lateMs: number;
};

/** The catalogue has i, j and k; l is in none. */
export const catalogue = [item('i', 'Drama'), item('j', 'Comedy'), item('k', 'Drama')];

/**
 * Valid events of three users over four items within five hours, in the order in which they arrive: some come up to two
 * hours late, and many have one time with others.
 */
export function worlds({ late = true, maxLength = 60 } = {}): fc.Arbitrary<Interaction[]> {
  const act: fc.Arbitrary<Act> = fc.record({
    user: fc.constantFrom('u', 'v', 'w'),
    item: fc.constantFrom('i', 'j', 'k', 'l', null),
    kind: fc.constantFrom(...kinds),
    atMs: fc.oneof(
      fc.nat(40).map((second) => second * 1_000),
      fc.nat(60).map((step) => step * 5 * MINUTE_MS),
    ),
    lateMs: late ? fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 * HOUR_MS })) : fc.constant(0),
  });
  return fc.array(act, { maxLength, size: 'max' }).map((acts) =>
    acts
      .toSorted((a, b) => a.atMs + a.lateMs - (b.atMs + b.lateMs))
      .map(toEvent)
      .filter((each) => invalidReason(each) === undefined),
  );
}

function toEvent({ user, item: item_id, kind, atMs }: Act, index: number): Interaction {
  const value = kind === 'rating' || kind === 'purchase' ? 1 + (index % 5) : null;
  const watch_ms = kind === 'view' || kind === 'complete' ? 1_000 * (index % 13) : null;
  return event(`e${String(index).padStart(3, '0')}`, NOW - 6 * HOUR_MS + atMs, {
    user_id: user,
    item_id: kind === 'search' ? null : item_id,
    kind,
    value,
    watch_ms,
  });
}
