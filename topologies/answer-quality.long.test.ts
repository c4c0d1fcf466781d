import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { DriverOptions } from '#engine/testing';
import { partitionFor } from '#log';
import { itemsInSketch, valueBucket } from '#processors';
import {
  type Answer,
  type AnswerContents,
  type AnswerOutcomes,
  answerDefaults,
  answeredItemDefaults,
  type Interaction,
} from '#schemas';
import {
  event,
  goOnTo,
  HOUR_MS,
  type Loop,
  MINUTE_MS,
  NOW,
  openLoop,
  publish,
  WINDOW_MS,
} from './testing/loop-driver.ts';

const AT = NOW - 4 * HOUR_MS;

type Given = Partial<Omit<Answer, 'items'>> & {
  readonly items?: readonly Partial<Answer['items'][number]>[];
};

function answer(request_id: string, { items = [], ...rest }: Given = {}): Answer {
  const item = { ...answeredItemDefaults, item_id: 'i', score: 1, source: 'index' } as const;
  return {
    ...answerDefaults,
    request_id,
    user_id: 'u',
    ts: AT,
    version: 'v1',
    k: 10,
    latency_ms: 1,
    items: items.map((each) => ({ ...item, ...each })),
    ...rest,
  };
}

async function give({ driver, topics }: Loop, ...answers: readonly Answer[]): Promise<void> {
  await driver.pipe(
    topics.answers,
    ...answers.map((each) => [each.user_id === '' ? each.request_id : each.user_id, each, each.ts] as const),
  );
  await driver.settle();
}

const outcomesOf = ({ driver }: Loop) => driver.store<AnswerOutcomes>('answer-quality/outcomes');
const contentsOf = ({ driver }: Loop) => driver.store<AnswerContents>('answer-quality/contents');
const [shown, clicked, liked] = [{ kind: 'impression' }, { kind: 'click' }, { kind: 'like' }] as const;

const rowsOf = async (loop: Loop) => [...(await outcomesOf(loop)).values()];

async function onlyRow(loop: Loop): Promise<AnswerOutcomes> {
  const rows = await rowsOf(loop);
  assert.equal(rows.length, 1);
  return rows[0] as AnswerOutcomes;
}

it('what came of an answer counts once for each of its items, by source, place and chance', async (t) => {
  const loop = await openLoop(t);
  const items = [
    { item_id: 'i', score: 0.25 },
    { item_id: 'j', score: 0.5 },
    { item_id: 'k', score: 40, source: 'popular' },
  ] as const;
  await give(loop, answer('r', { ranker: 'x', variant: 'b', degraded: 'MR_X', items }));
  const of = (item_id: string, rest: Partial<Interaction>) => ({ request_id: 'r', item_id, ...rest });
  await publish(
    loop,
    event('1', AT + 1, of('i', shown)),
    event('2', AT + 2, of('i', shown)),
    event('3', AT + 3, of('i', clicked)),
    event('4', AT + 4, of('i', liked)),
    event('5', AT + 5, of('k', shown)),
    event('6', AT + 6, of('j', clicked)),
    event('7', AT + 7, of('j', shown)),
    event('8', AT + 8, of('l', clicked)),
    event('9', AT + 9, of('i', { kind: 'view' })),
    event('10', AT + 10, { ...clicked, request_id: 'other', item_id: 'k' }),
    event('11', AT + 11, { ...clicked, item_id: 'k' }),
    event('12', AT + 12, { ...of('k', clicked), user_id: 'w' }),
  );
  const none = { answered: 0, shown: 0, clicked: 0, positive: 0 };
  assert.deepEqual(await onlyRow(loop), {
    hour: AT,
    partition: partitionFor('u', 4),
    version: 'v1',
    ranker: 'x',
    variant: 'b',
    answers: 1,
    unknown_users: 0,
    degraded: 1,
    sources: [
      {
        source: 'index',
        positions: [
          { answered: 1, shown: 1, clicked: 1, positive: 1 },
          { answered: 1, shown: 1, clicked: 1, positive: 0 },
        ],
      },
      { source: 'popular', positions: [none, none, { answered: 1, shown: 1, clicked: 0, positive: 0 }] },
    ],
    chances: [
      { bucket: valueBucket(0.25), shown: 1, millionths: 250_000, taken: 1 },
      { bucket: valueBucket(0.5), shown: 1, millionths: 500_000, taken: 1 },
    ],
  });
});

it('an event counts until the window after the answer has passed, and no longer', async (t) => {
  for (const [afterMs, clicks] of [
    [WINDOW_MS - 1, 1],
    [WINDOW_MS, 0],
  ] as const) {
    const loop = await openLoop(t);
    await give(loop, answer('r', { items: [{}] }));
    await publish(loop, event('1', AT + afterMs, { ...clicked, request_id: 'r' }));
    assert.equal((await onlyRow(loop)).sources[0]?.positions[0]?.clicked, clicks);
  }
});

it('answers to users that the log does not know are counted apart, and a repeated request once', async (t) => {
  const loop = await openLoop(t);
  await give(loop, answer('r', { user_id: '', items: [{}] }));
  const repeated = answer('s', { items: [{}] });
  await give(loop, repeated, { ...repeated, ts: AT + 1 });
  const rows = await rowsOf(loop);
  const sum = (of: (row: AnswerOutcomes) => number) => rows.reduce((total, row) => total + of(row), 0);
  assert.deepEqual([sum(({ answers }) => answers), sum(({ unknown_users }) => unknown_users)], [2, 1]);
  assert.equal(
    sum(({ sources }) => sources[0]?.positions[0]?.answered ?? 0),
    1,
  );
});

it('what an answer consists of: distinct items, scores of models, the rows that a ranker was given', async (t) => {
  const loop = await openLoop(t);
  const scored = { features_hash: 'h' };
  const items = [
    { ...scored, item_id: 'i', score: 2, features: [1, Number.NaN] },
    { ...scored, item_id: 'j', score: -2, features: [1, 8] },
    { item_id: 'k', score: 300, source: 'popular' as const },
  ];
  await give(loop, answer('r', { ranker: 'x', items }));
  await give(loop, answer('s', { ranker: 'x', items: [{ item_id: 'i', score: 2 }] }));
  const [row] = [...(await contentsOf(loop)).values()];
  assert.equal(itemsInSketch(row?.items as Buffer), 3);
  const [two, eight, one] = [2, 8, 1].map(valueBucket);
  assert.deepEqual(row?.scores, { missing: 0, buckets: [-(two as number), two], counts: [1, 2] });
  assert.deepEqual(row?.inputs, [
    { missing: 0, buckets: [one], counts: [2] },
    { missing: 1, buckets: [eight], counts: [1] },
  ]);
});

it('scores that are no chances, or no numbers, are counted as what they are', async (t) => {
  const loop = await openLoop(t);
  const scores = [1e300, -5, Number.POSITIVE_INFINITY, Number.NaN, 1];
  const items = scores.map((score, i) => ({ item_id: `i${i}`, score }));
  await give(loop, answer('r', { ranker: 'x', items }));
  const seen = items.map(({ item_id }, i) => event(`e${i}`, AT + i, { ...shown, request_id: 'r', item_id }));
  await publish(loop, ...seen);
  const { chances, sources } = await onlyRow(loop);
  assert.equal(sources[0]?.positions.filter((each) => each.shown === 1).length, 5);
  assert.deepEqual(
    chances.map(({ bucket, shown: count, millionths }) => [bucket, count, millionths]),
    [
      [valueBucket(-1), 1, -1_000_000],
      [valueBucket(1), 1, 1_000_000],
      [valueBucket(2), 2, 4_000_000],
    ],
  );
  const [row] = [...(await contentsOf(loop)).values()];
  assert.deepEqual([row?.scores.missing, row?.scores.counts], [2, [1, 1, 1]]);
  assert.deepEqual(await loop.driver.readDeadLetters(), []);
});

it('rows go after seven days, those of answers after the window', async (t) => {
  const loop = await openLoop(t);
  const from = NOW - 8 * 24 * HOUR_MS;
  await give(loop, answer('r', { ts: from, items: [{}] }));
  await publish(loop, event('1', from + 1));
  await goOnTo(loop, from + WINDOW_MS);
  assert.equal((await loop.driver.store('answer-quality/open')).size, 0);
  await goOnTo(loop, from + 7 * 24 * HOUR_MS - 1);
  assert.equal((await outcomesOf(loop)).size, 1);
  await goOnTo(loop, from + 7 * 24 * HOUR_MS);
  assert.deepEqual([(await outcomesOf(loop)).size, (await contentsOf(loop)).size], [0, 0]);
});

/** Answers and events of three users, each with a number that says when it is written. */
const worlds = fc
  .record({
    answers: fc.array(
      fc.record({
        user: fc.constantFrom('u', 'v', 'w'),
        at: fc.nat(90),
        version: fc.constantFrom('v1', 'v2'),
      }),
      { minLength: 1, maxLength: 8 },
    ),
    events: fc.array(
      fc.record({
        of: fc.nat(7),
        item: fc.constantFrom('i', 'j', 'k'),
        kind: fc.constantFrom('impression', 'click', 'like', 'view'),
        afterMinutes: fc.nat(40),
      }),
      { maxLength: 30 },
    ),
  })
  .map(({ answers, events }) => {
    const given = answers.map(({ user, at, version }, i) =>
      answer(`r${i}`, {
        user_id: user,
        ts: AT + at * MINUTE_MS,
        version,
        items: [{ item_id: 'i' }, { item_id: 'j', source: 'popular' }],
      }),
    );
    const after = events.map(({ of, item, kind, afterMinutes }, i) => {
      const { user_id, ts, request_id } = given[of % given.length] as Answer;
      return event(`e${i}`, ts + afterMinutes * MINUTE_MS + i, { kind, user_id, request_id, item_id: item });
    });
    return { answers: given.toSorted((a, b) => a.ts - b.ts), events: after.toSorted((a, b) => a.ts - b.ts) };
  });

type WorldOf = { readonly answers: readonly Answer[]; readonly events: readonly Interaction[] };

/** By what the counts mean: [version, hour, place] -> how many. */
function counted({ answers, events }: WorldOf): Map<string, number> {
  const counts = new Map<string, number>();
  const note = (...key: readonly unknown[]) => {
    const text = JSON.stringify(key);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  };
  for (const { request_id, ts, version, items } of answers) {
    const hour = Math.floor(ts / HOUR_MS) * HOUR_MS;
    for (const [place, { item_id }] of items.entries()) {
      note(version, hour, place, 'answered');
      const of = events.filter(
        (each) => each.request_id === request_id && each.item_id === item_id && each.ts < ts + WINDOW_MS,
      );
      for (const [kind, name] of [
        ['impression', 'shown'],
        ['click', 'clicked'],
        ['like', 'positive'],
      ] as const)
        if (of.some((each) => each.kind === kind)) note(version, hour, place, name);
    }
  }
  return counts;
}

function countsIn(rows: Iterable<AnswerOutcomes>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { version, hour, sources } of rows) {
    for (const { positions } of sources) {
      for (const [place, each] of positions.entries()) {
        for (const [name, count] of Object.entries(each)) {
          const key = JSON.stringify([version, hour, place, name]);
          if (count > 0) counts.set(key, (counts.get(key) ?? 0) + count);
        }
      }
    }
  }
  return counts;
}

type How = { readonly answersFirst: boolean; readonly restart: 'no' | 'keep' | 'rebuild' };

async function run(
  { answers, events }: WorldOf,
  { answersFirst, restart }: How,
  options: DriverOptions = {},
) {
  const loop = await openLoop(undefined, options);
  const { driver } = loop;
  const half = Math.floor(events.length / 2);
  if (answersFirst) await give(loop, ...answers);
  await publish(loop, ...events.slice(0, half));
  if (restart !== 'no') await driver.restart({ keepStores: restart === 'keep' });
  await publish(loop, ...events.slice(half));
  if (!answersFirst) await give(loop, ...answers);
  const rows = [...(await outcomesOf(loop)).values()];
  const onTopic = new Map(
    (await driver.read(loop.topics['answer-outcomes'])).map(({ key, value }) => [key, value]),
  );
  await driver.close();
  return { rows, onTopic: [...onTopic.values()] };
}

it('the counts are those of all answers and events, in any batches and through restarts', async () => {
  await fc.assert(
    fc.asyncProperty(
      worlds,
      fc.constantFrom(1, 3, 1_000),
      fc.constantFrom('no', 'keep', 'rebuild'),
      async (world, batchRecords, restart) => {
        const { rows, onTopic } = await run(world, { answersFirst: true, restart }, { batchRecords });
        assert.deepEqual(new Map([...countsIn(rows)].sort()), new Map([...counted(world)].sort()));
        assert.equal(onTopic.length, rows.length);
      },
    ),
    { numRuns: 12 },
  );
});

it('events that are read before their answers count the same', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async ({ answers, events }) => {
      // What passes the window before its answer is read is gone: see answerQuality.
      const near = events.filter(({ ts }) => ts < AT + WINDOW_MS);
      const world = { answers: answers.filter(({ ts }) => ts < AT + WINDOW_MS), events: near };
      const { rows } = await run(world, { answersFirst: false, restart: 'no' });
      assert.deepEqual(new Map([...countsIn(rows)].sort()), new Map([...counted(world)].sort()));
    }),
    { numRuns: 8 },
  );
});
