import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assertLaws, fold, standalone } from '../testing/laws.ts';
import { compareBytes, crowded, type Sample, sample, sampleLists, samples } from '../testing/samples.ts';
import { recentList } from './recent-list.ts';

function newestTexts(events: readonly Sample[]): string[] {
  return events
    .flatMap((event) => (event.item === null ? [] : [{ ...event, item: event.item }]))
    .sort((a, b) => b.ts - a.ts || compareBytes(b.event_id, a.event_id) || compareBytes(b.item, a.item))
    .map(({ item }) => item);
}

describe('recentList', () => {
  for (const capacity of [1, 3, 50]) {
    const recent = standalone(recentList(capacity, (event: Sample) => event.item));

    it(`obeys the laws when it keeps ${capacity}`, () => {
      assertLaws(recent, samples);
      assertLaws(recent, crowded);
    });

    it(`gives the texts of the ${capacity} newest events by (time, event id), repeats and all`, () => {
      fc.assert(
        fc.property(sampleLists, (events) => {
          assert.deepEqual(recent.finish(fold(recent, events), 0), newestTexts(events).slice(0, capacity));
        }),
      );
    });
  }

  it('refuses bytes whose entries are out of order or too many', () => {
    const recent = standalone(recentList(2, (event: Sample) => event.item));
    const entry = (eventId: string) => ({ ts: 1, eventId, text: 'x' });
    for (const wrong of [
      [entry('b'), entry('a')],
      [entry('a'), entry('a'), entry('a')],
    ]) {
      assert.throws(() => recent.decode(recent.encode(wrong)), { code: 'MR_FEATURES_STATE_MALFORMED' });
    }
    const twice = fold(recent, [sample({}), sample({})]);
    assert.deepEqual(recent.finish(recent.decode(recent.encode(twice)), 0), ['a', 'a']);
  });
});
