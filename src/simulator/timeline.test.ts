import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Timeline } from './timeline.ts';

test('what is due comes by time, then in the order of adding, whatever the order of adding was', () => {
  const steps = fc.array(fc.record({ at: fc.integer({ min: 0, max: 20 }), take: fc.boolean() }), {
    maxLength: 80,
  });
  fc.assert(
    fc.property(steps, (script) => {
      const timeline = new Timeline<{ at: number; added: number }>();
      let model: { at: number; added: number }[] = [];
      for (const [added, { at, take }] of script.entries()) {
        timeline.add(at, { at, added });
        model.push({ at, added });
        model.sort((left, right) => left.at - right.at || left.added - right.added);
        if (!take) continue;
        const due = model[0] !== undefined && model[0].at <= 10 ? model[0] : undefined;
        assert.deepEqual(timeline.takeDue(10), due);
        if (due !== undefined) model = model.slice(1);
      }
      for (const expected of model) assert.deepEqual(timeline.takeDue(20), expected);
      assert.equal(timeline.takeDue(Number.POSITIVE_INFINITY), undefined);
    }),
  );
});
