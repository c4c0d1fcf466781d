import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError } from '#platform';
import { Random } from './random.ts';
import { createWorld, type WorldOptions } from './world.ts';

const OPTIONS: WorldOptions = { seed: 7, users: 500, items: 1_000, days: 30, endsAt: 1_700_000_000_000 };
const PERIOD_MS = 30 * 86_400_000;

test('the same seed makes the same items and users, another seed others', () => {
  const world = createWorld(OPTIONS);
  const again = createWorld(OPTIONS);
  const other = createWorld({ ...OPTIONS, seed: 8 });
  assert.deepEqual(world.items(), again.items());
  assert.deepEqual([...world.users()], [...again.users()]);
  assert.notDeepEqual(world.items(), other.items());
  assert.notDeepEqual([...world.users()], [...other.users()]);
});

test('seeds beyond 32 bits and below 0 are told apart', () => {
  const titles = (seed: number) => createWorld({ ...OPTIONS, seed, users: 1, items: 20 }).items();
  const seeds = [1, -1, 1 + 2 ** 32, 1 + 2 ** 40, Number.MAX_SAFE_INTEGER];
  const worlds = seeds.map((seed) => JSON.stringify(titles(seed)));
  assert.equal(new Set(worlds).size, seeds.length);
});

test('items have ids in order of their creation, titles of their own, and part of them appears in the period', () => {
  const world = createWorld(OPTIONS);
  const items = world.items();
  assert.equal(items.length, 1_000);
  assert.equal(new Set(items.map(({ title }) => title)).size, 1_000);
  assert.equal(new Set(items.map(({ category }) => category)).size, 12);
  assert.deepEqual([...new Set(items.map(({ type }) => type))].sort(), [
    'article',
    'product',
    'quiz',
    'video',
  ]);
  for (const [index, item] of items.entries()) {
    assert.equal(item.item_id, `i${index + 1}`);
    assert.ok(item.created >= (items[index - 1]?.created ?? 0) && item.created < OPTIONS.endsAt);
    assert.ok(item.tags.length >= 2 && item.title.length <= 80 && !item.title.includes('{}'));
    assert.equal(item.duration_ms === null, item.type === 'product');
  }
  const fresh = items.filter(({ created }) => created >= OPTIONS.endsAt - PERIOD_MS).length;
  assert.equal(fresh, 150);
});

test('users arrive in order, and only those who have arrived are drawn', () => {
  const world = createWorld(OPTIONS);
  const users = [...world.users()];
  assert.equal(users.length, 500);
  const random = new Random(1);
  const drawn = new Set<number>();
  for (let atMs = 0; atMs < PERIOD_MS; atMs += PERIOD_MS / 5_000) {
    const index = world.drawAgent(random, atMs);
    drawn.add(index);
    assert.ok((users[index]?.created ?? 0) <= world.startsAt + atMs);
  }
  assert.ok(drawn.size > 300 && [...drawn].some((index) => (users[index]?.created ?? 0) > world.startsAt));
  for (const [index, user] of users.entries()) {
    assert.equal(user.user_id, `u${index + 1}`);
    assert.ok(user.created >= (users[index - 1]?.created ?? 0) && user.created < OPTIONS.endsAt);
    assert.deepEqual(world.agent(index).user, user);
  }
});

test('activity is heavy-tailed: a tenth of the agents begins a quarter to a half of the sessions', () => {
  const world = createWorld(OPTIONS);
  const random = new Random(2);
  const sessions = new Float64Array(500);
  for (let draw = 0; draw < 50_000; draw++) {
    const index = world.drawAgent(random, PERIOD_MS);
    sessions[index] = (sessions[index] as number) + 1;
  }
  const top = sessions.sort().slice(-50);
  const share = top.reduce((sum, count) => sum + count, 0) / 50_000;
  assert.ok(share > 0.25 && share < 0.5, `share ${share}`);
});

test('tastes are a few strong categories, and follow demographics', () => {
  const world = createWorld({ ...OPTIONS, users: 3_000 });
  let topThree = 0;
  const mean = { female: new Float64Array(12), male: new Float64Array(12) };
  const count = { female: 0, male: 0 };
  for (let index = 0; index < 3_000; index++) {
    const { tastes, user } = world.agent(index);
    const shares = Array.from(tastes.categories).sort((left, right) => right - left);
    assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
    topThree += shares.slice(0, 3).reduce((sum, share) => sum + share, 0) / 3_000;
    if (user.gender !== 'female' && user.gender !== 'male') continue;
    count[user.gender]++;
    const sums = mean[user.gender];
    for (let c = 0; c < 12; c++) sums[c] = (sums[c] as number) + (tastes.categories[c] as number);
  }
  assert.ok(topThree > 0.65 && topThree < 0.9, `the three favourites hold ${topThree}`);
  const gap = Math.max(
    ...Array.from(mean.female, (sum, c) =>
      Math.abs(sum / count.female - (mean.male[c] as number) / count.male),
    ),
  );
  // Without a tilt the gap of two such means is about 0.01.
  assert.ok(gap > 0.03, `largest difference between genders ${gap}`);
});

test('a world of one user, one item and one day stands', () => {
  const world = createWorld({ seed: 1, users: 1, items: 1, days: 1, endsAt: 0 });
  assert.equal(world.items().length, 1);
  assert.equal([...world.users()].length, 1);
});

test('options that no world can have are refused', () => {
  const wrong: Partial<WorldOptions>[] = [
    { users: 0 },
    { items: 1.5 },
    { days: -1 },
    { seed: Number.NaN },
    { endsAt: 0.5 },
  ];
  for (const options of wrong) {
    assert.throws(
      () => createWorld({ ...OPTIONS, ...options }),
      (error) => {
        return error instanceof ConfigurationError && error.code === 'MR_SIMULATOR_WORLD';
      },
    );
  }
});
