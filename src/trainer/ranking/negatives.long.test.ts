import assert from 'node:assert/strict';
import { test } from 'node:test';
import { example, MINUTE_MS, noLabels, startMs } from '#offline/testing';
import type { Interaction } from '#schemas';
import type { ReadRanking } from './dataset.ts';
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
} from './testing/impressions.ts';

const negatives = { uniform: 2, byPopularity: 0, byCoVisits: 0, bySources: 0, seed: 1 };

/** Item i3 was clicked three times before all else, i4 four times, and so on. */
const clicks = Array.from({ length: 30 }, (_, i) =>
  Array.from({ length: i }, (_, n): Interaction => {
    return {
      event_id: `click-${i}-${n}`,
      user_id: 'other',
      item_id: `i${i}`,
      kind: 'click',
      value: null,
      watch_ms: null,
      session_id: null,
      request_id: null,
      context: { device: null, country: null, language: null },
      ts: startMs - MINUTE_MS,
      original_ts: null,
      item: null,
    };
  }),
).flat();

test('negatives join the list that shows what they were drawn for, with features of their own', async (t) => {
  const taken = (place: number) => example('a', `i${place}`, at(place === 14 ? 2 * ROUND + 1 : ROUND + 2));
  const context = { hour: 3, weekday: 2, device: 'tv', country: 'NL', language: null } as const;
  const shown = impression('a', 'i12', at(ROUND) + 2, {
    labels: { click: true, purchase_value: 5 },
    position: 4,
    recent: ['i0'],
  });
  const shop = await shopOf(
    t,
    [
      ...positives('a'),
      ...lists('a'),
      { ...shown, context: { ...context, session_position: 1 }, item: { ...shown.item, clicks: 77 } },
      impression('a', 'i13', at(ROUND) + 3),
      // In a list of its own, and taken to twice: what follows it first is what it led to.
      impression('a', 'i14', at(2 * ROUND), { ...clicked, request_id: 'r' }),
      ...[12, 14].map(taken),
      example('a', 'i14', at(3 * ROUND) + 1),
      // Taken to without having been shown.
      taken(25),
    ],
    { negatives, events: clicks },
  );
  const { train } = await read(shop);
  const found = listsOf(train, true);
  assert.match(found[0] ?? '', /^i20:1 i21:0 i12:3( i\d+:0){2} i13:0$/);
  assert.equal(found.length, 2, found.join('\n'));
  assert.match(found[1] ?? '', /^i14:1( i\d+:0){2}$/);

  const items = listsOf(train).join(' ').split(' ');
  const row = items.indexOf('i12');
  const clicksOf = columnOf(train, 'item-features.clicks');
  const [category, age] = ['item-profile.category', 'item-profile.age_days'].map((name) =>
    columnOf(train, name),
  );
  assert.equal(clicksOf[row], 77);
  assert.deepEqual([...train.revenues.subarray(row, row + 3)], [5, 0, 0], 'a negative was not bought');
  for (const drawn of [row + 1, row + 2]) {
    const number = Number(items[drawn]?.slice(1));
    assert.equal(clicksOf[drawn], number, `clicks of i${number}`);
    const known = train.columns.find(({ name }) => name === 'item-profile.category')?.categories ?? [];
    assert.equal(known[category?.[drawn] as number], number % 2 === 0 ? 'even' : 'odd');
    assert.equal(age?.[drawn], Math.fround((at(ROUND) + 2 - startMs) / 86_400_000));
    assert.equal(train.grades[drawn], 0);
  }
  // Who was shown it, when, and after what: as for the item that stood there.
  const { user, moment, history } = train.shown;
  const historyOf = (of: number) => [...history.ids.subarray(history.offsets[of], history.offsets[of + 1])];
  for (const drawn of [row + 1, row + 2]) {
    assert.deepEqual(
      [user[drawn], moment[drawn], historyOf(drawn)],
      [user[row], moment[row], historyOf(row)],
    );
    assert.equal(train.positions[drawn], 4, 'or the position would tell what was drawn from what was shown');
  }
  assert.equal(train.shown.moments[moment[row] as number]?.country, 'NL');
  assert.equal(historyOf(row).length, 1);
});

test('the rows of each part get the negatives of that part', async (t) => {
  const late = 9 * ROUND + 1;
  const examples = [
    ...positives('a'),
    ...lists('a'),
    impression('a', 'i18', at(ROUND), clicked),
    example('a', 'i18', at(ROUND) + 2),
    impression('a', 'i22', at(late), clicked),
    example('a', 'i22', at(late + 1)),
  ];
  const { train, validation, heldOut } = await read(await shopOf(t, examples, { negatives }));
  const [ofTrain, ofValidation, ofHeldOut] = [train, validation, heldOut].map(
    (rows) => rows && listsOf(rows, true),
  );
  assert.match(ofTrain?.join('|') ?? '', /^i18:1( i\d+:0){2} i20:1 i21:0$/);
  assert.deepEqual(ofValidation, ['i20:1 i21:0', 'i20:1 i21:0']);
  assert.match(ofHeldOut?.join('|') ?? '', /^i22:1( i\d+:0){2}$/);
});

/** All that is read, as text. */
const textOf = (rows: ReadRanking): string =>
  JSON.stringify(rows, (_, value) =>
    ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
      : value,
  );

test('equal examples give equal rows, byte for byte, in whatever order they were written', async (t) => {
  const crowd = ['a', 'b', 'c'].flatMap((user) => [
    ...positives(user),
    ...lists(user),
    // All at one moment, in two requests and without one.
    ...Array.from({ length: 12 }, (_, i) =>
      impression(user, `i${10 + i}`, at(2 * ROUND), { request_id: i % 3 === 0 ? null : `r${i % 3}` }),
    ),
    impression(user, 'i28', at(ROUND) + 2, clicked),
    example(user, 'i28', at(ROUND) + 3),
  ]);
  const shop = await shopOf(t, crowd, { negatives });
  const first = textOf(await read(shop));
  assert.equal(textOf(await read(shop)), first);
  const other = await shopOf(t, crowd.toReversed(), { negatives });
  assert.equal(textOf(await read(other)), first);
});

test('without impressions, what was taken makes a list each with what was drawn for it, graded by kind', async (t) => {
  const of = (place: number, kind: Interaction['kind'], value: number | null = null, id = '') => {
    const taken = example('a', `i${10 + place}`, at(2 * ROUND + 1) + place);
    return { ...taken, event_id: `${taken.event_id}${id}`, kind, value };
  };
  const taken = [
    of(0, 'click'),
    of(1, 'complete'),
    of(2, 'like'),
    of(3, 'rating', 3.9),
    of(4, 'rating', 4),
    of(5, 'purchase', 7),
    // Clicked, and liked later in the same part: one list, by its first event.
    of(6, 'click'),
    { ...of(6, 'like', null, '-later'), ts: at(2 * ROUND + 2) },
    { ...of(7, 'click'), weight: 0 },
  ];
  const shop = await shopOf(t, [...positives('a'), ...taken], { negatives, events: clicks });
  const { train, validation, heldOut } = await read(shop);
  const found = listsOf(train, true);
  const grades = new Map(found.map((list) => list.split(' ')[0]?.split(':') as [string, string]));
  const own = (place: number) => grades.get(`i${10 + place}`);
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map(own), ['1', '2', '3', '1', '3', '3', '3', undefined]);
  // There were no items before the first example.
  assert.equal(found[0], 'i0:1');
  for (const list of found.slice(1)) assert.match(list, /^i\d+:[123]( i\d+:0){2}$/);
  assert.equal(found.length, new Set(found.map((list) => list.split(' ')[0])).size);
  for (const part of [validation, heldOut]) {
    assert.ok(part && part.lists.length > 1);
    for (const list of listsOf(part, true)) assert.match(list, /^i\d+:[123]( i\d+:0){2}$/);
  }
  assert.ok(train.positions.every(Number.isNaN), 'nobody knows where it was shown');
  const bought = [...train.revenues.keys()].filter((row) => train.revenues[row] !== 0);
  assert.deepEqual(
    bought.map((row) => [train.shown.items[train.shown.item[row] as number], train.revenues[row]]),
    [['i15', 7]],
  );
  const clicksOf = columnOf(train, 'item-features.clicks');
  const items = listsOf(train).join(' ').split(' ');
  train.grades.forEach((grade, row) => {
    if (grade === 0) assert.equal(clicksOf[row], Number(items[row]?.slice(1)), 'as of then');
  });
  // A list is as of what the user had by then.
  const row = items.indexOf('i10');
  assert.equal(train.shown.user[row], train.shown.user[row + 1]);
});

test('what shows nothing to learn from, or nothing to be judged by, is refused', async (t) => {
  const refused = async (code: string, examples: Parameters<typeof shopOf>[1], reading = {}) => {
    const shop = await shopOf(t, [...positives('a'), ...examples]);
    await assert.rejects(read(shop, reading), { name: 'InputError', code });
  };
  const [taken, left, ...later] = lists('a');
  assert.ok(taken && left);
  await refused('MR_TRAINING_NO_LISTS', []);
  await refused('MR_TRAINING_NO_LISTS', [left, ...later]);
  await refused('MR_TRAINING_NO_LISTS', [taken, ...later]);
  const heldOut = later.filter(({ ts }) => ts >= at(TEST));
  assert.equal(heldOut.length, 2);
  await refused('MR_TRAINING_NOTHING_HELD_OUT', [taken, left, ...heldOut.slice(1)]);
  await refused('MR_TRAINING_NOTHING_HELD_OUT', [taken, left, ...heldOut], { judgedBy: 'validation' });
  // One list was taken whole, and of another nothing: no order of either is wrong.
  const whole = heldOut.map((each) => ({ ...each, labels: { ...noLabels, click: true } }));
  const leftAlone = impression('a', 'i24', at(TEST + 500));
  await refused('MR_TRAINING_NOTHING_HELD_OUT', [taken, left, ...whole, leftAlone]);
});
