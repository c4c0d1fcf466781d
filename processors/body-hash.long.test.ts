import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Interaction } from '#schemas';
import { bodyHash } from './body-hash.ts';

/** FNV-1a over UTF-16 units. */
function fnv(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}

it('is the hash of the fields in lines, under which events have been remembered before', () => {
  const text = fc.option(fc.string({ unit: 'binary' }));
  const bodies = fc.record({
    item_id: text,
    value: fc.option(fc.double({ noNaN: true })),
    watch_ms: fc.option(fc.nat()),
    session_id: text,
    request_id: text,
    context: fc.record({ device: fc.constantFrom('tv' as const, null), country: text, language: text }),
  });
  fc.assert(
    fc.property(bodies, (body) => {
      const event = { kind: 'view', ...body } as Interaction;
      const { item_id, kind, value, watch_ms, session_id, request_id, context } = event;
      const fields = [kind, value, watch_ms, item_id, session_id, request_id, context.device];
      const lines = [...fields, context.country, context.language].map((field) => String(field));
      assert.equal(bodyHash(event), fnv(lines.join('\n')));
    }),
  );
});
