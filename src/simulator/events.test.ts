import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigurationError } from '#platform';
import type { Interaction } from '#schemas';
import { worldEvents } from './events.ts';
import { createWorld, type World } from './world.ts';

const DAY_MS = 86_400_000;
const ENDS_AT = 1_700_000_000_000;

function made(world: World, events: number): Interaction[] {
  return [...worldEvents(world, { events })];
}

function digest(events: Iterable<Interaction>): string {
  const sha = createHash('sha256');
  for (const event of events) sha.update(JSON.stringify(event));
  return sha.digest('hex');
}

const WORLD = createWorld({ seed: 42, users: 1_000, items: 600, days: 14, endsAt: ENDS_AT });
const EVENTS = made(WORLD, 50_000);

test('the same seed and end give the same events byte for byte, another seed others', () => {
  const options = { seed: 42, users: 1_000, items: 600, days: 14, endsAt: ENDS_AT };
  assert.equal(digest(worldEvents(createWorld(options), { events: 50_000 })), digest(EVENTS));
  const other = createWorld({ ...options, seed: 43 });
  assert.notEqual(digest(worldEvents(other, { events: 50_000 })), digest(EVENTS));
});

test('another end shifts all events and changes nothing else', () => {
  const shift = 12_345_678_901;
  const world = createWorld({ seed: 42, users: 1_000, items: 600, days: 14, endsAt: ENDS_AT + shift });
  const shifted = EVENTS.map((event) => ({ ...event, ts: event.ts + shift }));
  assert.equal(digest(worldEvents(world, { events: 50_000 })), digest(shifted));
});

test('any world makes exactly the requested events, in order, within the period, with ids of their own', () => {
  const worlds = fc.record({
    seed: fc.integer(),
    users: fc.integer({ min: 1, max: 60 }),
    items: fc.integer({ min: 1, max: 90 }),
    days: fc.integer({ min: 1, max: 9 }),
    endsAt: fc.integer({ min: -(10 ** 12), max: 4 * 10 ** 12 }),
    events: fc.integer({ min: 0, max: 1_500 }),
  });
  fc.assert(
    fc.property(worlds, ({ events, ...options }) => {
      const world = createWorld(options);
      const all = made(world, events);
      assert.equal(all.length, events);
      assert.equal(new Set(all.map(({ event_id }) => event_id)).size, events);
      let before = options.endsAt - options.days * DAY_MS;
      for (const { ts } of all) {
        assert.ok(Number.isSafeInteger(ts) && ts >= before && ts < options.endsAt);
        before = ts;
      }
    }),
    { numRuns: 60 },
  );
});

test('no event is before its item or its user was created', () => {
  const items = new Map(WORLD.items().map(({ item_id, created }) => [item_id, created]));
  const users = new Map([...WORLD.users()].map(({ user_id, created }) => [user_id, created]));
  let onNewItems = 0;
  let byNewUsers = 0;
  for (const { user_id, item_id, ts } of EVENTS) {
    const userCreated = users.get(user_id) ?? Number.NaN;
    assert.ok(userCreated <= ts);
    if (userCreated > WORLD.startsAt) byNewUsers++;
    if (item_id === null) continue;
    const itemCreated = items.get(item_id) ?? Number.NaN;
    assert.ok(itemCreated <= ts);
    if (itemCreated > WORLD.startsAt) onNewItems++;
  }
  assert.ok(
    onNewItems > 1_000 && byNewUsers > 1_000,
    `${onNewItems} on new items, ${byNewUsers} by new users`,
  );
});

test('each kind carries what belongs to it', () => {
  const products = new Set(
    WORLD.items().flatMap(({ item_id, type }) => (type === 'product' ? [item_id] : [])),
  );
  for (const { kind, item_id, value, watch_ms, request_id, session_id, context } of EVENTS) {
    assert.equal(item_id === null, kind === 'search');
    assert.equal(value !== null, kind === 'rating' || kind === 'purchase' || kind === 'quiz_score');
    assert.equal(watch_ms !== null, kind === 'view' || kind === 'complete');
    assert.ok(request_id === null && session_id !== null && context.device !== null);
    if (kind === 'rating') assert.ok([1, 2, 3, 4, 5].includes(value ?? 0));
    if (kind === 'quiz_score') assert.ok((value ?? -1) >= 0 && (value ?? 2) <= 1);
    if (kind === 'purchase') assert.ok((value ?? 0) > 0 && products.has(item_id ?? ''));
  }
});

test('a session tells its story in order: impression, then click, then view, then complete', () => {
  const order = ['impression', 'click', 'view', 'complete'];
  const reached = new Map<string, number>();
  for (const { session_id, item_id, kind } of EVENTS) {
    const step = order.indexOf(kind);
    if (step < 0) continue;
    const key = `${session_id} ${item_id}`;
    if (step > 0) assert.ok((reached.get(key) ?? -1) >= step - 1, `${kind} in ${key}`);
    reached.set(key, Math.max(step, reached.get(key) ?? -1));
  }
});

test('all kinds occur, impressions most often, and about a fifth of them is clicked', () => {
  const count = new Map<string, number>();
  for (const { kind } of EVENTS) count.set(kind, (count.get(kind) ?? 0) + 1);
  assert.equal(count.size, 11);
  const share = (kind: string) => (count.get(kind) ?? 0) / EVENTS.length;
  assert.ok(share('impression') > 0.45 && share('impression') < 0.65);
  const clickRate = share('click') / share('impression');
  assert.ok(clickRate > 0.15 && clickRate < 0.3, `click rate ${clickRate}`);
});

test('evenings are busier than nights, weekends than weekdays', () => {
  const hours = new Float64Array(24);
  const days = new Float64Array(7);
  for (const { ts } of EVENTS) {
    const at = ts - WORLD.startsAt;
    const hour = Math.floor(at / 3_600_000) % 24;
    const weekday = Math.floor(at / DAY_MS) % 7;
    hours[hour] = (hours[hour] as number) + 1;
    days[weekday] = (days[weekday] as number) + 1;
  }
  const sum = (values: Float64Array, from: number, to: number) =>
    values.slice(from, to).reduce((total, value) => total + value, 0);
  assert.ok(sum(hours, 19, 22) > 5 * sum(hours, 2, 5), `hours ${hours}`);
  // 14 days end with a Sunday, so day 0 is a Monday.
  assert.ok(sum(days, 5, 7) / 2 > (1.15 * sum(days, 0, 5)) / 5, `days ${days}`);
});

test('a trending item is clicked more than it was before', () => {
  const clicks = EVENTS.filter(({ kind }) => kind === 'click');
  let during = 0;
  let beforehand = 0;
  for (const { kind, target, fromMs, toMs } of WORLD.trends) {
    const length = toMs - fromMs;
    if (kind !== 'item' || fromMs < length || toMs > WORLD.periodMs) continue;
    const id = WORLD.items()[target]?.item_id;
    const from = WORLD.startsAt + fromMs;
    for (const { item_id, ts } of clicks) {
      if (item_id !== id) continue;
      if (ts >= from && ts < from + length) during++;
      if (ts >= from - length && ts < from) beforehand++;
    }
  }
  assert.ok(during > 1.5 * beforehand, `${during} during, ${beforehand} before`);
});

/** Each user's last fifth of clicked items is to be found among ten, those clicked before left out. */
function recallAt10(score: (history: readonly string[]) => (itemId: string) => number): number {
  const clicked = new Map<string, string[]>();
  for (const { kind, user_id, item_id } of EVENTS) {
    if (kind !== 'click' || item_id === null) continue;
    const history = clicked.get(user_id) ?? [];
    if (!history.includes(item_id)) history.push(item_id);
    clicked.set(user_id, history);
  }
  let recall = 0;
  let users = 0;
  for (const items of clicked.values()) {
    const heldOut = new Set(items.slice(Math.ceil(items.length * 0.8)));
    if (items.length < 5) continue;
    const history = items.filter((id) => !heldOut.has(id));
    const scoreOf = score(history);
    const ranked = WORLD.items()
      .filter(({ item_id }) => !history.includes(item_id))
      .map(({ item_id }) => ({ item_id, score: scoreOf(item_id) }))
      .sort((left, right) => right.score - left.score)
      .slice(0, 10);
    recall += ranked.filter(({ item_id }) => heldOut.has(item_id)).length / heldOut.size;
    users++;
  }
  return recall / users;
}

test('a history tells more than popularity, which tells more than chance', () => {
  const clicks = new Map<string, number>();
  for (const { kind, item_id } of EVENTS.slice(0, 40_000)) {
    if (kind === 'click' && item_id !== null) clicks.set(item_id, (clicks.get(item_id) ?? 0) + 1);
  }
  const popular = (id: string) => clicks.get(id) ?? 0;
  const topic = new Map(
    WORLD.items().map(({ item_id, tags, category }) => [item_id, { tag: tags[0], category }]),
  );
  const popularity = recallAt10(() => popular);
  const personal = recallAt10((history) => (id) => {
    const { tag, category } = topic.get(id) ?? {};
    const same = history.map((had) => topic.get(had));
    const likes = same.filter((had) => had?.tag === tag).length;
    const near = same.filter((had) => had?.category === category).length;
    return (0.1 + likes + 0.2 * near) * (popular(id) + 0.5);
  });
  const chance = 10 / WORLD.items().length;
  assert.ok(popularity > 1.5 * chance, `popularity ${popularity}, chance ${chance}`);
  assert.ok(personal > 2 * popularity, `by history ${personal}, by popularity ${popularity}`);
});

test('a number of events that is no number is refused at once', () => {
  for (const events of [-1, 1.5, Number.NaN]) {
    assert.throws(
      () => worldEvents(WORLD, { events }),
      (error) => {
        return error instanceof ConfigurationError && error.code === 'MR_SIMULATOR_EVENTS';
      },
    );
  }
});
