import type { Interaction } from '#schemas';

/**
 * 32 bits of what was published under an event id (FNV-1a over UTF-16 units): enough to tell that a repetition is none.
 * What admission itself writes into an event is left out, and so is its time, which the gateway sets again where a
 * producer that sends again leaves it out.
 */
export function bodyHash(event: Interaction): number {
  const { item_id, kind, value, watch_ms, session_id, request_id, context } = event;
  const { device, country, language } = context;
  let hash = hashText(0x811c9dc5, kind);
  hash = hashLine(hash, String(value));
  hash = hashLine(hash, String(watch_ms));
  hash = hashLine(hash, item_id);
  hash = hashLine(hash, session_id);
  hash = hashLine(hash, request_id);
  hash = hashLine(hash, device);
  hash = hashLine(hash, country);
  return hashLine(hash, language) | 0;
}

const NEW_LINE = 10;

function hashLine(hash: number, text: string | null): number {
  return hashText(mix(hash, NEW_LINE), text ?? 'null');
}

function hashText(hash: number, text: string): number {
  let mixed = hash;
  for (let i = 0; i < text.length; i++) mixed = mix(mixed, text.charCodeAt(i));
  return mixed;
}

function mix(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193);
}
