import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assertLaws, fold, standalone } from '../testing/laws.ts';
import { compareBytes, crowded, type Sample, sample, sampleLists, samples } from '../testing/samples.ts';
import { lastNumber, lastText } from './last.ts';

const item = standalone(lastText((event: Sample) => event.item));
const value = standalone(lastNumber((event: Sample) => event.value));

describe('lastText', () => {
  it('obeys the laws', () => {
    assertLaws(item, samples);
    assertLaws(item, crowded);
  });

  it('is the text that stands last by (time, event id, text)', () => {
    fc.assert(
      fc.property(sampleLists, (events) => {
        const last = events
          .filter((event) => event.item !== null)
          .sort(
            (a, b) =>
              a.ts - b.ts ||
              compareBytes(a.event_id, b.event_id) ||
              compareBytes(a.item as string, b.item as string),
          )
          .at(-1);
        assert.equal(item.finish(fold(item, events), 0), last?.item ?? null);
      }),
    );
  });

  it('refuses bytes with more or fewer than two texts', () => {
    const bytes = item.encode(fold(item, [sample({ item: 'a' })]));
    const cut = Buffer.concat([bytes.subarray(0, 2), Buffer.of(1, 1, 1, 0x61)]);
    assert.throws(() => item.decode(cut), { code: 'MR_FEATURES_STATE_MALFORMED' });
  });
});

describe('lastNumber', () => {
  it('obeys the laws', () => {
    assertLaws(value, samples);
    assertLaws(value, crowded);
  });

  it('is the number that stands last by (time, event id, number), to the last bit', () => {
    fc.assert(
      fc.property(sampleLists, (events) => {
        const last = events
          .flatMap((event) => (event.value === null ? [] : [{ ...event, value: event.value + 0 }]))
          .sort((a, b) => a.ts - b.ts || compareBytes(a.event_id, b.event_id) || a.value - b.value)
          .at(-1);
        assert.equal(value.finish(fold(value, events), 0), last?.value ?? null);
      }),
    );
  });

  it('refuses a number that is not finite', () => {
    assert.throws(() => value.add(value.empty(), sample({ value: Number.NaN })), { code: 'MR_INVARIANT' });
  });
});
