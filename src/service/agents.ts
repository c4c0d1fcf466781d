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
  /** What the server knows the agents by. */
  readonly token: string;
  /** Which trusts the server's certificate; Node's own where that is undefined. */
  readonly fetch: typeof fetch | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

const TIMEOUT_MS = 5_000;

export function startAgents({
  world,
  eventsPerSecond,
  url,
  token,
  fetch: by = fetch,
  logger,
  metrics,
}: AgentsOptions): LiveAgents {
  const authorization = `Bearer ${token}`;
  const agents = new LiveAgents({
    world,
    eventsPerSecond,
    clock: systemClock,
    random: Math.random,
    logger,
    metrics,
    recommend: async (userId, k) => {
      const response = await request(by, `${url}/recommend/${encodeURIComponent(userId)}?k=${k}`, {
        headers: { authorization },
      });
      const { request_id, items } = (await response.json()) as Recommendation;
      return { requestId: request_id, items: items.map(({ item_id }) => item_id) };
    },
    publish: async (events: Interaction[]) => {
      const headers = { authorization, 'content-type': 'application/json' };
      const response = await request(by, `${url}/events`, {
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

/** What it throws is logged, so it names no user. */
async function request(by: typeof fetch, url: string, init: RequestInit): Promise<Response> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const { origin } = new URL(url);
  const response = await by(url, { ...init, signal }).catch((cause: Error) => {
    throw new RetryableError('MR_SERVER_UNREACHABLE', `${origin} did not respond: ${cause.message}.`);
  });
  if (response.ok) return response;
  throw new RetryableError(
    'MR_SERVER_UNREACHABLE',
    `${origin} responded with ${response.status} ${await codeOf(response)}`,
  );
}

/** A refusal's code: its message may quote what was sent. */
async function codeOf(response: Response): Promise<string> {
  const { code = '' } = (await response.json().catch(() => ({}))) as { readonly code?: string };
  return code;
}
