import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { OffsetRuns } from './offset-runs.ts';

it('runs of offsets answer what a list of them does', () => {
  const gaps = fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(5)));
  fc.assert(
    fc.property(gaps, (gaps) => {
      const runs = new OffsetRuns();
      const list: number[] = [];
      for (const gap of gaps) {
        const offset = (list.at(-1) ?? -1) + 1 + gap;
        list.push(offset);
        runs.add(offset);
      }
      assert.equal(runs.size, list.length);
      assert.deepEqual(
        list.map((_, rank) => runs.at(rank)),
        list,
      );
      for (let offset = 0; offset <= (list.at(-1) ?? 0) + 2; offset++) {
        assert.equal(runs.rank(offset), list.filter((each) => each < offset).length);
        assert.equal(runs.has(offset), list.includes(offset));
      }
    }),
  );
});
