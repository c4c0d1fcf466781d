import type { Interaction } from '#schemas';

/**
 * 32 bits of what was published under an event id (FNV-1a over UTF-16 units): enough to tell that a repetition is none.
 * What admission itself writes into an event is left out, and so is its time, which the gateway sets anew where a
 * producer that sends again leaves it out.
 */
export function bodyHash(event: Interaction): number {
  const { item_id, kind, value, watch_ms, session_id, request_id, context } = event;
  const { device, country, language } = context;
  const body = `${kind}\n${value}\n${watch_ms}\n${item_id}\n${session_id}\n${request_id}\n${device}\n${country}\n${language}`;
  let hash = 0x811c9dc5;
  for (let i = 0; i < body.length; i++) hash = Math.imul(hash ^ body.charCodeAt(i), 0x01000193);
  return hash | 0;
}
