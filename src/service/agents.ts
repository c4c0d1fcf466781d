/** The live agents of `millrace start`, who use the server as anybody else would: over HTTP. */
import { type Logger, type Metrics, RetryableError, systemClock } from '#platform';
import type { Recommendation } from '#responders';
import type { Interaction } from '#schemas';
import { LiveAgents, type World } from '#simulator';

export type AgentsOptions = {
  readonly world: World;
  readonly eventsPerSecond: number;
  /** Address of the server. */
  readonly url: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

const TIMEOUT_MS = 5_000;
/** Characters of a refusal that are logged. */
const LONGEST_EXCERPT = 300;

export function startAgents({ world, eventsPerSecond, url, logger, metrics }: AgentsOptions): LiveAgents {
  const agents = new LiveAgents({
    world,
    eventsPerSecond,
    clock: systemClock,
    random: Math.random,
    logger,
    metrics,
    recommend: async (userId, k) => {
      const response = await request(`${url}/recommend/${encodeURIComponent(userId)}?k=${k}`);
      const { request_id, items } = (await response.json()) as Recommendation;
      return { requestId: request_id, items: items.map(({ item_id }) => item_id) };
    },
    publish: async (events: Interaction[]) => {
      const headers = { 'content-type': 'application/json' };
      const response = await request(`${url}/events`, {
        method: 'POST',
        headers,
        body: JSON.stringify(events.map(asPosted)),
      });
      await response.arrayBuffer();
    },
  });
  agents.start();
  return agents;
}

/** Admission alone says what an event's time was before it was moved, and what was known of its item. */
function asPosted({
  original_ts: _time,
  item: _facts,
  ...event
}: Interaction): Omit<Interaction, 'original_ts' | 'item'> {
  return event;
}

async function request(url: string, init: RequestInit = {}): Promise<Response> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { ...init, signal }).catch((cause: Error) => {
    throw new RetryableError('MR_SERVER_UNREACHABLE', `${url} did not respond: ${cause.message}.`);
  });
  if (response.ok) return response;
  throw new RetryableError(
    'MR_SERVER_UNREACHABLE',
    `${url} responded with ${response.status}: ${(await response.text()).slice(0, LONGEST_EXCERPT)}`,
  );
}
