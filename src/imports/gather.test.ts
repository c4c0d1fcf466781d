import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventOf } from './events.ts';
import { Gatherer, type GatherOptions } from './gather.ts';
import { RowStage } from './row-stage.ts';

type Added = { readonly kind: string; readonly time: number; readonly order: number; readonly key: string };

/** Without a log: what is added to the runs, in order. */
function gathering() {
  const added: Added[] = [];
  const topic = { value: { encode: () => Buffer.alloc(0) } };
  const topics = Object.fromEntries(
    ['dead-letters', 'items', 'users', 'answers', 'interactions'].map((name) => [name, topic]),
  );
  const pseudonyms = { forgets: true, pseudonymsOf: async (ids: string[]) => ids.map((id) => `p-${id}`) };
  const runs = { add: ({ kind, time, order, key }: Added) => added.push({ kind, time, order, key }) };
  const clock = { now: () => 0 };
  const options = { topics, pseudonyms, runs, clock } as unknown as GatherOptions;
  return { added, gatherer: new Gatherer(options) };
}

const click = (ts: number) => eventOf({ user_id: 'u', item_id: 'i', kind: 'click', ts });

test('the first and the last time are those of the events, in whatever order they come', async () => {
  const { gatherer } = gathering();
  for (const times of [[50, 20], [70], [10, 60]]) {
    const stage = new RowStage();
    for (const ts of times) stage.event(click(ts));
    await gatherer.take(stage);
  }
  const { firstTs, lastTs, events } = gatherer.counts;
  assert.deepEqual([firstTs, lastTs, events], [10, 70, 5]);
});

test('an answer stands before the impressions of its time, under the pseudonym of its user', async () => {
  const { gatherer, added } = gathering();
  const stage = new RowStage();
  stage.event(click(5), 0);
  stage.event(click(5), 1);
  stage.answer({ user_id: 'u', request_id: 'r', ts: 5 } as Parameters<RowStage['answer']>[0]);
  await gatherer.take(stage);
  const order = added.toSorted((a, b) => a.time - b.time || a.order - b.order);
  assert.deepEqual(
    order.map(({ kind, key }) => [kind, key]),
    [['answers', 'p-u'], ...new Array(2).fill(['interactions', 'p-u'])],
  );
});

test('events of one row have ids of their own, the same in each reading; a refused row leaves nothing', () => {
  const idsOf = () => {
    const stage = new RowStage();
    stage.beginFile('f');
    stage.event(click(5));
    stage.event(click(5));
    assert.equal(stage.endRow(7, undefined), undefined);
    stage.event(click(6));
    assert.equal(stage.endRow(8, 'it is wrong'), 'it is wrong');
    stage.event(click(5));
    stage.endRow(9, undefined);
    return stage.events.map(({ event }) => event.event_id);
  };
  const ids = idsOf();
  assert.equal(ids.length, 3);
  assert.equal(new Set(ids).size, 3, ids.join());
  assert.deepEqual(idsOf(), ids);
});
