import { randomUUID } from 'node:crypto';
import { TopicWriter } from '#engine';
import type { Log } from '#engine/log';
import {
  type Clock,
  type Counter,
  errorCode,
  type HttpReply,
  type HttpRequest,
  type HttpServer,
  InputError,
  type Logger,
  type Metrics,
  MillraceError,
  RetryableError,
  traceparentOf,
} from '#platform';
import { PrivacyDecisions, type Pseudonyms, withPseudonyms } from '#privacy';
import { invalidReason } from '#processors';
import type { Interaction } from '#schemas';
import type { Topics } from '#topologies';
import { parseEvent } from './parse-event.ts';
import { PrivacyRequests } from './privacy-requests.ts';
import { registerPseudonymRoute } from './pseudonym-requests.ts';

/** Most events of one request. */
export const MAX_BATCH_EVENTS = 1000;

export type Refusal = {
  /** Place in the request. */
  readonly index: number;
  readonly event_id?: string;
  readonly code: string;
  readonly reason: string;
};

/** `accepted` of the events are durable in the log; each of the others was refused by itself. */
export type Receipt = { readonly accepted: number; readonly refused: readonly Refusal[] };

export type GatewayOptions = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'interactions' | 'privacy'>;
  /** What users are called on the log. */
  readonly pseudonyms: Pseudonyms;
  readonly clock: Clock;
  /** How far ahead of the clock an event may be. */
  readonly futureMs: number;
  /** Of who may opt users out and in; without one nobody may. */
  readonly adminToken: string | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { log, topics, logger } = options;
  const writer = await TopicWriter.open(log, topics.interactions);
  const decisions = await PrivacyDecisions.open(log, topics.privacy, {
    onUndecodable: (place, err) =>
      logger.error({ err, ...place }, 'a decision that cannot be decoded is left out'),
  });
  return new Gateway(options, writer, new PrivacyRequests(options, decisions));
}

/** Takes events from outside into topic `interactions`. */
export class Gateway {
  readonly #writer: TopicWriter<string, Interaction>;
  readonly #defaults: { eventId(): string; now(): number };
  readonly #futureMs: number;
  readonly #pseudonyms: Pseudonyms;
  readonly #adminToken: string | undefined;
  readonly #privacy: PrivacyRequests;
  readonly #logger: Logger;
  readonly #events: Counter<'outcome'>;

  constructor(options: GatewayOptions, writer: TopicWriter<string, Interaction>, privacy: PrivacyRequests) {
    const { clock, futureMs, pseudonyms, adminToken, logger, metrics } = options;
    this.#writer = writer;
    this.#pseudonyms = pseudonyms;
    this.#adminToken = adminToken;
    this.#privacy = privacy;
    this.#defaults = { eventId: () => randomUUID(), now: () => clock.now() };
    this.#futureMs = futureMs;
    this.#logger = logger;
    const help = 'Events posted, by outcome: accepted, or the code of the refusal.';
    this.#events = metrics.counter('gateway_events_total', help, ['outcome']);
  }

  /**
   * Resolves when the good ones among the events are durable. InputError MR_EVENT_BATCH for no events or too many;
   * RetryableError with the code of the log or of the vault when it cannot take them: then none is claimed.
   */
  async accept(events: readonly unknown[], traceparent?: string): Promise<Receipt> {
    if (events.length === 0 || events.length > MAX_BATCH_EVENTS) {
      throw new InputError(
        'MR_EVENT_BATCH',
        `A request carries 1 to ${MAX_BATCH_EVENTS} events, not ${events.length}.`,
        {
          hint: 'Spread them over several requests.',
        },
      );
    }
    const good: Interaction[] = [];
    const refused: Refusal[] = [];
    events.forEach((json, index) => {
      const result = this.#check(json, index);
      if ('code' in result) refused.push(result);
      else good.push(result);
    });
    await this.#write(good, traceparent);
    this.#events.inc({ outcome: 'accepted' }, good.length);
    for (const { code } of refused) this.#events.inc({ outcome: code });
    return { accepted: good.length, refused };
  }

  /**
   * `POST /events`: one event or an array of them; 202 when any was accepted, else 400, both with the receipt.
   * `PUT /users/:user_id/privacy`: what a user has decided. `POST /pseudonyms`: names for producers that write to the log
   * themselves.
   */
  registerRoutes(server: HttpServer): void {
    server.routes.post('/events', (request, reply) => this.#answer(request, reply));
    this.#privacy.registerRoutes(server);
    registerPseudonymRoute(server, { pseudonyms: this.#pseudonyms, adminToken: this.#adminToken });
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#writer.close();
    await this.#privacy.close();
  }

  #check(json: unknown, index: number): Interaction | Refusal {
    let event: Interaction;
    try {
      event = parseEvent(json, this.#defaults);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return { index, ...givenId(json), code: error.code, reason: error.message };
    }
    const reason = invalidReason(event);
    if (reason !== undefined) return { index, ...givenId(json), code: 'MR_EVENT_INVALID', reason };
    const aheadMs = event.ts - this.#defaults.now();
    if (aheadMs <= this.#futureMs) return event;
    const future = `the event lies ${aheadMs} ms in the future`;
    return { index, ...givenId(json), code: 'MR_EVENT_FUTURE', reason: future };
  }

  async #write(events: readonly Interaction[], traceparent: string | undefined): Promise<void> {
    const headers = traceparent === undefined ? [] : [['traceparent', Buffer.from(traceparent)] as const];
    try {
      const records = Array.from(withPseudonyms(this.#pseudonyms, events), (value) => {
        return { key: value.user_id, value, timestamp: value.ts, headers };
      });
      await this.#writer.write(records);
    } catch (cause) {
      const code = errorCode(cause) ?? 'MR_INVARIANT';
      this.#events.inc({ outcome: code }, events.length);
      this.#logger.error({ err: cause, events: events.length }, 'events could not be taken');
      if (!(cause instanceof MillraceError)) throw cause;
      throw new RetryableError(code, `The events were not taken: ${cause.message}.`, {
        hint: 'Send them again with the same event_id: what the log has already counts once.',
        cause,
      });
    }
  }

  async #answer(request: HttpRequest, reply: HttpReply): Promise<HttpReply> {
    const { body } = request;
    const receipt = await this.accept(Array.isArray(body) ? body : [body], traceparentOf(request));
    if (receipt.accepted > 0) return reply.code(202).send(receipt);
    const refusal = {
      code: 'MR_EVENT_INVALID',
      message: receipt.refused[0]?.reason,
      hint: 'Correct what `refused` names; nothing of this request was taken.',
    };
    return reply.code(400).send({ ...refusal, ...receipt });
  }
}

/** The producer's own id of an event, to find it by. */
function givenId(json: unknown): { event_id: string } | undefined {
  if (typeof json !== 'object' || json === null || !('event_id' in json)) return undefined;
  return typeof json.event_id === 'string' ? { event_id: json.event_id.slice(0, 128) } : undefined;
}
