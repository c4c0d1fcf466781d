import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { RankingQuery } from '#models';
import { QueryPacker, unpackQueries } from './packed-queries.ts';

it('queries are in another thread what they were here, whatever was packed before', () => {
  const numbers = fc.oneof(fc.double(), fc.constant(Number.NaN));
  const texts = fc.option(fc.constantFrom('', 'a', 'ä', 'b'), { nil: null });
  const queries = fc.nat(5).chain((rows) => {
    const of = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: rows, maxLength: rows });
    const column = fc.oneof(
      of(numbers).map((values) => Float64Array.from(values)),
      of(texts),
    );
    return fc.record(
      {
        asking: fc.record(
          {
            user: fc.string(),
            recentItems: fc.array(fc.string()),
            profile: fc.constant(null),
            context: fc.constant(null),
          },
          { noNullPrototype: true },
        ),
        items: of(fc.string()),
        columns: fc.array(column, { maxLength: 4 }),
      },
      { noNullPrototype: true },
    );
  }) as fc.Arbitrary<RankingQuery>;
  const packer = new QueryPacker();
  fc.assert(
    fc.property(fc.array(queries, { maxLength: 4 }), (asked) => {
      const received = structuredClone(packer.pack(asked));
      const unpacked = unpackQueries(received);
      assert.deepEqual(
        unpacked.map(({ columns, ...rest }) => ({ ...rest, columns: columns.map((column) => [...column]) })),
        asked.map(({ columns, ...rest }) => ({ ...rest, columns: columns.map((column) => [...column]) })),
      );
    }),
  );
});
