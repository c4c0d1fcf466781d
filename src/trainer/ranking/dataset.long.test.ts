import assert from 'node:assert/strict';
import { test } from 'node:test';
import { featureViews, recordViews } from '#features';
import { example, MINUTE_MS, noLabels, startMs } from '#offline/testing';
import type { ContextFeatures, Example, ItemFacts } from '#schemas';
import {
  at,
  clicked,
  columnOf,
  impression,
  lists,
  listsOf,
  positives,
  ROUND,
  read,
  shopOf,
  TEST,
  VALIDATION,
} from './testing/impressions.ts';

const HALF_HOUR_MS = 30 * MINUTE_MS;

test('a list is one request, or what is shown without half an hour of silence in between', async (t) => {
  const from = at(ROUND + 100);
  const shop = await shopOf(t, [
    ...positives('a'),
    ...positives('b'),
    ...lists('a'),
    // Silence of exactly half an hour is none; one millisecond more is.
    impression('a', 'i10', from),
    impression('a', 'i11', from + HALF_HOUR_MS),
    impression('a', 'i12', from + 2 * HALF_HOUR_MS + 1),
    // Another user's at the same time, and after the last of the one before in the order of users.
    impression('b', 'i13', from + 2 * HALF_HOUR_MS + 2),
    // A request is one list however long it takes, and two are two however close.
    impression('b', 'i14', at(2 * ROUND + 1), { request_id: 'r1' }),
    impression('b', 'i15', at(2 * ROUND + 100), { request_id: 'r1' }),
    impression('b', 'i16', at(2 * ROUND + 100) + 1, { request_id: 'r2' }),
    impression('b', 'i17', at(2 * ROUND + 100) + 2),
  ]);
  const { train } = await read(shop);
  assert.deepEqual(listsOf(train), ['i20 i21', 'i10 i11', 'i12', 'i13', 'i14 i15', 'i16', 'i17']);
  const users = Array.from(train.shown.user, (user) => train.shown.users[user]?.id);
  assert.equal(users.join(' '), 'a a a a a b b b b b');
  assert.equal(train.lists.at(-1), train.rows);
});

test('requests that overlap in time, as two open pages do, stay whole', async (t) => {
  const minute = 2 * ROUND + 1;
  const shop = await shopOf(t, [
    ...positives('a'),
    ...lists('a'),
    impression('a', 'i10', at(minute), { request_id: 'r1' }),
    impression('a', 'i11', at(minute), { request_id: 'r2' }),
    impression('a', 'i12', at(minute), { request_id: 'r1' }),
    impression('a', 'i13', at(minute + 1), { request_id: 'r2' }),
    impression('a', 'i14', at(minute + 1)),
    impression('a', 'i15', at(minute + 2), { request_id: 'r1' }),
    impression('a', 'i16', at(minute + 31)),
  ]);
  assert.deepEqual(listsOf((await read(shop)).train), ['i20 i21', 'i10 i12 i15', 'i11 i13', 'i14 i16']);
});

test('grades say how much came of an impression; repeats, unlabelled ones and other kinds are no rows', async (t) => {
  const own = (place: number, labels: Parameters<typeof impression>[3]) =>
    impression('a', `i${10 + place}`, at(2 * ROUND + 1) + place, labels);
  const shop = await shopOf(t, [
    ...positives('a'),
    ...lists('a'),
    own(0, {}),
    own(1, clicked),
    own(2, { labels: { click: true, complete: true } }),
    own(3, { labels: { like: true } }),
    own(4, { labels: { rating: 3.9 } }),
    own(5, { labels: { rating: 4 } }),
    own(6, { labels: { purchase_value: 0 } }),
    own(7, { labels: { purchase_value: 0.01 } }),
    own(8, { labels: { complete: true, watch_fraction: 1 } }),
    own(9, { labels: null }),
    // Taken to in the first round, and in the round that is to come.
    impression('a', 'i0', at(2 * ROUND + 2), clicked),
    impression('a', 'i3', at(2 * ROUND + 2) + 1, clicked),
    // At the very moment of the first positive.
    impression('a', 'i2', at(2 * ROUND)),
    { ...example('a', 'i19', at(2 * ROUND + 3)), labels: { ...noLabels, click: true } },
  ]);
  const { train } = await read(shop);
  assert.deepEqual(listsOf(train, true), [
    'i20:1 i21:0',
    'i2:0 i10:0 i11:1 i12:2 i13:3 i14:0 i15:3 i16:0 i17:3 i18:2 i3:1',
  ]);
  const bought = [...train.revenues].flatMap((revenue, row) =>
    revenue === 0 ? [] : [[train.shown.items[train.shown.item[row] as number], revenue]],
  );
  assert.deepEqual(bought, [['i17', Math.fround(0.01)]]);
});

test('columns are all features of one value, in the order of the views, each with its own values', async (t) => {
  const kinds = ['long', 'double', 'long?', 'double?', 'string?'];
  const notInExamples = ['user-profile.language', 'user-profile.cohort', 'user-profile.days_since_joined'];
  const declared = [...featureViews, ...recordViews].flatMap(({ name, columns }) =>
    columns.filter(({ kind }) => kinds.includes(kind)).map((column) => `${name}.${column.name}`),
  );
  const expected = declared.filter(
    (name) => ![...notInExamples, 'item-profile.language', 'item-profile.age_days'].includes(name),
  );

  /** Every number of a row set to one that no other feature has. */
  let next = 100;
  const values = new Map<string, number>();
  const numbered = <Row>(view: string, row: Row): Row => {
    const fields = Object.entries(row as object).map(([name, value]) => {
      if (typeof value === 'string' || Array.isArray(value)) return [name, value];
      values.set(`${view}.${name}`, next);
      return [name, next++];
    });
    return Object.fromEntries(fields) as Row;
  };
  const plain = example('a', 'i10', at(2 * ROUND));
  const category = { events: 0, positives: 0, affinity: 0, days_since_last: null };
  const pair = { events: 0, impressions: 0, positives: 0, days_since_last: null };
  const facts: Omit<ItemFacts, 'created'> = {
    type: 'movie',
    category: 'even',
    tags: ['x'],
    duration_ms: 1,
    difficulty: 1,
  };
  const full: Example = {
    ...impression('a', 'i10', at(2 * ROUND), { position: 3 }),
    user: numbered('user-features', plain.user),
    item: numbered('item-features', plain.item),
    category: numbered('user-category-features', category),
    pair: numbered('user-item-features', pair),
    profile: { ...numbered('user-profile', { age: 0 }), gender: 'female', occupation: null, country: 'NL' },
    facts: { ...numbered('item-profile', facts), created: at(2 * ROUND) - 36 * 60 * MINUTE_MS },
  };
  values.set('item-profile.age_days', 1.5);
  const empty: Example = {
    ...impression('a', 'i11', at(2 * ROUND) + 1),
    profile: null,
    facts: null,
    item: { ...plain.item, rating_mean: null, days_since_last: null },
  };
  const future: Example = {
    ...impression('a', 'i12', at(2 * ROUND) + 2, { position: 0 }),
    facts: { ...facts, created: at(3 * ROUND) },
  };
  const other: Example = {
    ...impression('a', 'i13', at(TEST + 50)),
    facts: { ...facts, type: 'quiz', category: "it's", created: startMs },
  };
  const shop = await shopOf(t, [...positives('a'), ...lists('a'), full, empty, future, other]);
  const { train, heldOut, views, subjects } = await read(shop);

  const names = train.columns.map(({ name }) => name);
  assert.deepEqual(names, [...expected, 'item-profile.age_days']);
  assert.deepEqual(names.slice(0, 3), [
    'user-features.events',
    'user-features.views',
    'user-features.clicks',
  ]);
  assert.deepEqual(
    views,
    Object.fromEntries([...featureViews, ...recordViews].map((v) => [v.name, v.version])),
  );
  // An item's features, and what is known of a user and an item, depend on more than the one or the other.
  const ofUser = names.filter((name) => /^user-(features|profile)\./.test(name));
  const ofCatalogue = names.filter((name) => /^item-profile\.(?!age_days)/.test(name));
  assert.deepEqual(
    subjects,
    Object.fromEntries([
      ...ofUser.map((name) => [name, 'user']),
      ...ofCatalogue.map((name) => [name, 'catalogue']),
    ]),
  );
  assert.ok(ofUser.length > 5 && ofCatalogue.length > 3);
  assert.deepEqual(heldOut.columns, train.columns);
  assert.equal(train.values.length, train.rows * names.length);

  const row = listsOf(train).join(' ').split(' ').indexOf('i10');
  assert.deepEqual(Array.from(train.positions.subarray(row, row + 3)), [3, Number.NaN, 0]);
  const categories = Object.fromEntries(
    train.columns.flatMap((c) => (c.categories ? [[c.name, c.categories]] : [])),
  );
  assert.deepEqual(categories, {
    'user-profile.gender': ['female'],
    'user-profile.occupation': ['baker'],
    'user-profile.country': ['NL'],
    'item-profile.type': ['movie'],
    'item-profile.category': ['even'],
  });
  for (const name of names) {
    const [ofFull, ofEmpty] = columnOf(train, name).slice(row, row + 2);
    const value = name === 'user-profile.occupation' ? Number.NaN : (values.get(name) ?? 0);
    assert.equal(ofFull, value, name);
    if (/^(user-category|user-item|user-profile|item-profile)/.test(name)) {
      assert.ok(Number.isNaN(ofEmpty), `${name} of nothing is ${ofEmpty}`);
    }
  }
  assert.ok(Number.isNaN(columnOf(train, 'item-features.rating_mean')[row + 1]));
  assert.equal(columnOf(train, 'item-profile.age_days')[row + 2], 0, 'not created yet');
  // What training did not meet, among what it did.
  const held = listsOf(heldOut).join(' ').split(' ').indexOf('i13');
  for (const name of ['item-profile.type', 'item-profile.category']) {
    assert.ok(Number.isNaN(columnOf(heldOut, name)[held]), name);
  }
  assert.equal(columnOf(heldOut, 'user-profile.gender')[held], 0);
});

test('rows know who was shown what, and what the user had taken to by then', async (t) => {
  const context: ContextFeatures = {
    ...{ hour: 3, weekday: 2, device: 'tv', country: 'NL', language: null },
    session_position: 4,
  };
  const recent = ['i2', 'i1', 'i0'];
  const shop = await shopOf(t, [
    ...positives('a'),
    ...lists('a'),
    { ...impression('a', 'i9', at(3 * ROUND - 2), { recent }), context },
    impression('a', 'i5', at(3 * ROUND - 1), { recent: ['gone'] }),
    impression('stranger', 'i5', at(3 * ROUND)),
  ]);
  const { shown } = (await read(shop, { historyLength: 2 })).train;
  assert.deepEqual(shown.users, [
    { id: 'a', profile: { age: 30, gender: 'female', occupation: 'baker', country: null } },
    { id: 'stranger', profile: { age: 30, gender: 'female', occupation: 'baker', country: null } },
  ]);
  assert.deepEqual(
    Array.from(shown.moment, (moment) => shown.moments[moment] ?? null),
    [null, null, context, null, null],
  );
  const histories = Array.from(shown.user, (_, row) => {
    const own = shown.history.ids.subarray(shown.history.offsets[row], shown.history.offsets[row + 1]);
    return Array.from(own, (id) => shown.items[id]).join(' ');
  });
  assert.deepEqual(histories, ['', '', 'i2 i1', 'gone', '']);
  assert.equal(shown.history.offsets.length, 6);
});

test('the earlier share is left to base models, up to the first row learned from', async (t) => {
  const own = (place: number, minute: number) =>
    impression('a', `i${10 + place}`, at(2 * ROUND + minute), place === 6 ? clicked : {});
  const shop = await shopOf(t, [
    ...positives('a'),
    ...lists('a'),
    ...[1, 2, 3, 4, 5, 5, 7, 8].map((minute, place) => own(place, minute)),
  ]);
  // Ten rows; the seventh and the eighth are of one moment, which stays together.
  const itemsOf = async (beforeShare: number) => {
    const { train, trainFromMs, heldOut } = await read(shop, { beforeShare });
    assert.equal(listsOf(heldOut).join(), 'i20 i21');
    return [trainFromMs, listsOf(train).join(' ')];
  };
  const eighth = [at(2 * ROUND + 5), 'i14 i15 i16 i17'];
  assert.deepEqual(await itemsOf(0), [at(ROUND), 'i20 i21 i10 i11 i12 i13 i14 i15 i16 i17']);
  assert.deepEqual(await itemsOf(0.6), [at(2 * ROUND + 4), 'i13 i14 i15 i16 i17']);
  assert.deepEqual(await itemsOf(0.8), eighth);
  assert.deepEqual(await itemsOf(0.7), eighth);
});

test('each part has its own rows; what was taken is of the part that it begins, and lists in two parts are of none', async (t) => {
  const shop = await shopOf(t, [
    ...positives('a'),
    ...lists('a'),
    impression('a', 'i10', at(VALIDATION) - 1, { request_id: 'r1' }),
    impression('a', 'i11', at(VALIDATION + 1), { request_id: 'r2' }),
    impression('a', 'i12', at(TEST) - 1, { request_id: 'r3' }),
    impression('a', 'i13', at(TEST + 1), { request_id: 'r4' }),
    // In two parts, and so in none.
    impression('a', 'i14', at(VALIDATION) - 2, { request_id: 'r5' }),
    impression('a', 'i15', at(VALIDATION + 1), { request_id: 'r5' }),
    // What was taken of them begins the validation part.
    impression('a', `i${VALIDATION / ROUND}`, at(VALIDATION) - 3, { request_id: 'r6', ...clicked }),
    impression('a', 'i16', at(VALIDATION) - 4, { request_id: 'r7' }),
    impression('a', `i${VALIDATION / ROUND}`, at(VALIDATION) - 3, { request_id: 'r7', ...clicked }),
  ]);
  const first = `i${VALIDATION / ROUND}`;
  const parts = async (judgedBy: 'test' | 'validated' | 'validation') => {
    const { train, validation, heldOut } = await read(shop, { judgedBy });
    return [train, validation, heldOut].map((rows) => rows && listsOf(rows).join(' '));
  };
  const [train, validation, held] = ['i20 i21 i10', `${first} i11 i20 i21 i12`, 'i13 i20 i21'];
  assert.deepEqual(await parts('validated'), [train, validation, held]);
  assert.deepEqual(await parts('validation'), [train, validation, validation]);
  const both = `i20 i21 ${first} i10 i11 i20 i21 i12`;
  assert.deepEqual(await parts('test'), [both, undefined, held]);
});
