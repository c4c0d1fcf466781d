import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Serde } from '#engine';
import { featureViews, itemFeaturesView, userFeaturesView } from '#features';
import { avroCodec, type Example } from '#schemas';
import { labelledExamples } from './example-parts.ts';

const codec = avroCodec('Example');
codec.addWriterSchema(7, codec.schema);
const examples: Serde<Example> = {
  encode: (value) => codec.encode(7, value),
  decode: (bytes) => codec.decode(bytes),
  prepare: async () => {},
  fingerprint: Buffer.alloc(0),
  framing: 5,
};
const labels = {
  click: true,
  complete: false,
  like: false,
  watch_fraction: 0.5,
  rating: null,
  purchase_value: null,
};
/** Null rows for the views that the parts below leave out. */
const otherRows = Object.fromEntries(featureViews.map(({ exampleField = '' }) => [exampleField, null]));
const anyExample = fc
  .record({
    event_id: fc.string(),
    user_id: fc.constant('u'),
    item_id: fc.string(),
    kind: fc.constantFrom('impression', 'click'),
    value: fc.option(fc.integer()),
    weight: fc.constant(0.5),
    ts: fc.nat(),
    request_id: fc.option(fc.string()),
    user: fc.constant(userFeaturesView.finish(userFeaturesView.empty(), 0)),
    profile: fc.constant(null),
    category: fc.constant(null),
    pair: fc.option(
      fc.record({
        events: fc.nat(),
        impressions: fc.nat(),
        positives: fc.nat(),
        days_since_last: fc.constant(1),
      }),
    ),
    facts: fc.constant(null),
    context: fc.constant(null),
    item: fc.constant(itemFeaturesView.finish(itemFeaturesView.empty(), 0)),
    popularity_rank: fc.option(fc.constant(0.25)),
    position: fc.option(fc.nat()),
    propensity: fc.constant(null),
    labels: fc.option(fc.constant(labels)),
  })
  .map((example) => ({ ...otherRows, ...example }) as Example);

test('the parts of an example, one after another, are its bytes', () => {
  const labelled = labelledExamples(examples, 7);
  fc.assert(
    fc.property(anyExample, fc.nat({ max: 20 }), (example, at) => {
      const bytes = examples.encode(example);
      const parts = labelled.decode(bytes);
      assert.deepEqual(labelled.encode(parts), bytes);
      const target = Buffer.alloc(at + bytes.length);
      assert.equal(labelled.encodeInto?.(parts, target, at), target.length);
      assert.deepEqual(target.subarray(at), bytes);
      const missing = labelled.encodeInto?.(parts, Buffer.alloc(at + bytes.length - 1), at) ?? 0;
      assert.ok(missing < 0, 'says that there is too little room');
    }),
    { numRuns: 100 },
  );
});

test('an example that another schema began is refused', () => {
  const [example] = fc.sample(anyExample, 1) as [Example];
  const parts = labelledExamples(examples, 7).decode(examples.encode(example));
  assert.throws(() => labelledExamples(examples, 8).encode(parts), { code: 'MR_AVRO_ENCODE' });
});
