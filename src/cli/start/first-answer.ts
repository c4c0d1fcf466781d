/** An answer to a user of the newest events, for a person to look at. */

import type { Recommendation, Responder } from '#responders';
import { type Installation, newestRecords } from '#service';
import type { World } from '#simulator';
import { printAnswer } from '../answers/recommend.ts';
import type { Output } from '../output.ts';

/** Code that runs for the first time takes its time, and nobody else waits. */
const unhurried = { deadlineMs: 30_000 };

/** Events among whose users one is looked for whose id is known. */
const RECENT_EVENTS = 200;

/**
 * For a user of the newest events, named by their id where the world tells it and else as the log does; none where there
 * are no events.
 */
export async function firstAnswer(
  installation: Installation,
  responder: Responder,
  world: World | undefined,
): Promise<Recommendation | undefined> {
  const { log, topics } = installation;
  const pseudonyms = await installation.pseudonyms();
  const { reader, newest } = await newestRecords(log, topics['interactions-accepted'], RECENT_EVENTS);
  await reader.close();
  const event = newest.at(-1);
  if (event === undefined) return undefined;
  const active = new Set(newest.map(({ key }) => key));
  for (const { user_id } of world?.users() ?? []) {
    if (active.has(pseudonyms.known(user_id) ?? '')) return responder.recommend(user_id, unhurried);
  }
  return responder.recommendTo(event.key, unhurried);
}

export function showAnswer(output: Output, answer: Recommendation): void {
  output.line();
  printAnswer(output, answer);
  output.line();
}
