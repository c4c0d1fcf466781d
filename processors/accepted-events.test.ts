import assert from 'node:assert/strict';
import { it } from 'node:test';
import { avroCodec, type Interaction, type ItemFacts } from '#schemas';
import { acceptedEvents } from './accepted-events.ts';

const interactions = avroCodec('Interaction');
interactions.addWriterSchema(5, interactions.schema);
const topic = acceptedEvents({
  encode: (value) => interactions.encode(5, value),
  decode: (bytes) => interactions.decode(bytes),
  decodeAt: (bytes, start, end) => interactions.decodeAt(bytes, start, end),
  prepare: async () => {},
  fingerprint: Buffer.alloc(0),
  framing: 5,
});

/** The event as a task has it that has read it where it lies. */
function taken(item: ItemFacts | null, item_id = 'i'): Interaction {
  const event: Interaction = {
    event_id: 'e',
    user_id: 'u',
    item_id,
    kind: 'view',
    value: null,
    watch_ms: 1,
    session_id: null,
    request_id: 'r',
    context: { device: 'tv', country: null, language: 'fr' },
    ts: 1e9,
    original_ts: null,
    item,
  };
  const bytes = Buffer.concat([Buffer.alloc(3), topic.encode(event), Buffer.alloc(2)]);
  const read = topic.decodeAt?.(bytes, 3, bytes.length - 2) as Interaction;
  assert.deepEqual(read, event);
  return read;
}

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
  const of = (item: ItemFacts, item_id?: string) => taken(item, item_id).item;
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
