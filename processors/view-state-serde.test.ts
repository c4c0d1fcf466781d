import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Serde } from '#engine';
import { avroCodec, type Interaction, type ItemFacts, type ViewState } from '#schemas';
import { acceptedEvents, viewStates } from './view-state-serde.ts';

const event = (n: number): Interaction => ({
  event_id: `e${n}`,
  user_id: 'u',
  item_id: n % 3 === 0 ? null : 'ï'.repeat(n % 90),
  kind: n % 3 === 0 ? 'search' : 'view',
  value: n % 2 === 0 ? n / 7 : null,
  watch_ms: n,
  session_id: null,
  request_id: 'r',
  context: { device: 'tv', country: null, language: 'fr' },
  ts: n * 1e9,
  original_ts: null,
  item: null,
});

const codec = avroCodec('ViewState');
codec.addWriterSchema(7, codec.schema);
const plain: Serde<ViewState> = {
  encode: (value) => codec.encode(7, value),
  encodeInto: (value, target, at) => codec.encodeInto(7, value, target, at),
  decode: (bytes) => codec.decode(bytes),
  prepare: async () => {},
  fingerprint: Buffer.alloc(0),
  framing: 5,
};

const interactions = avroCodec('Interaction');
interactions.addWriterSchema(5, interactions.schema);

/** An event as a task has it that has read it where it lies. */
function taken(n: number, given = event(n)): Interaction {
  const topic = acceptedEvents({
    encode: (value) => interactions.encode(5, value),
    decode: (bytes) => interactions.decode(bytes),
    decodeAt: (bytes, start, end) => interactions.decodeAt(bytes, start, end),
    isOwnAt: () => n % 2 === 0,
    prepare: async () => {},
    fingerprint: Buffer.alloc(0),
    framing: 5,
  });
  const bytes = Buffer.concat([Buffer.alloc(3), topic.encode(given), Buffer.alloc(2)]);
  const decoded = topic.decodeAt?.(bytes, 3, bytes.length - 2) as Interaction;
  bytes.fill(0xff);
  return decoded;
}

it('writes what the plain serde writes, for events written before and others', () => {
  const serde = viewStates(plain);
  const events = Array.from({ length: 70 }, (_, n) => (n < 35 ? event(n) : taken(n)));
  fc.assert(
    fc.property(fc.subarray(events), fc.uint8Array({ maxLength: 100 }), (pending, state) => {
      const row: ViewState = { state: Buffer.from(state), pending };
      assert.deepEqual(serde.encode(row), plain.encode(row));
      assert.deepEqual(serde.decode(serde.encode(row)), row);
    }),
  );
  const many = { state: Buffer.of(1), pending: Array.from({ length: 9_000 }, (_, n) => event(n)) };
  assert.deepEqual(serde.encode(many), plain.encode(many));
});

it('shares the facts of an item among its events, as long as they say the same', () => {
  const some: ItemFacts = {
    type: 'movie',
    category: 'c',
    tags: ['a'],
    duration_ms: 1,
    difficulty: null,
    created: 2,
  };
  const others: ItemFacts = {
    type: 'quiz',
    category: 'd',
    tags: ['b'],
    duration_ms: 2,
    difficulty: 3,
    created: 3,
  };
  const of = (item: ItemFacts, item_id = 'i') => taken(1, { ...event(1), item_id, item }).item;
  for (const field of Object.keys(some) as (keyof ItemFacts)[]) {
    const first = of(some);
    assert.deepEqual(first, some);
    assert.equal(of(some), first);
    assert.notEqual(of(some, 'j'), first);
    const changed = { ...some, [field]: others[field] };
    assert.deepEqual(of(changed), changed);
  }
  assert.deepEqual(of({ ...some, tags: ['a', 'b'] }), { ...some, tags: ['a', 'b'] });
});
