import { randomUUID } from 'node:crypto';
import { type OutgoingRecord, TopicWriter } from '#engine';
import type { Appended, Log } from '#log';
import {
  type Clock,
  type Counter,
  Deadline,
  errorCode,
  type Gauge,
  type HttpReply,
  type HttpRequest,
  type HttpServer,
  InputError,
  type Logger,
  type Metrics,
  MillraceError,
  RetryableError,
  relayed,
  sendProblem,
  traceparentOf,
} from '#platform';
import { PrivacyDecisions, type Pseudonyms, renamed } from '#privacy';
import { invalidReason } from '#processors';
import type { Interaction } from '#schemas';
import type { Topics } from '#topologies';
import { MAX_BATCH_EVENTS, postEvents } from './operations.ts';
import { type EventDefaults, parseEvent } from './parse-event.ts';
import { countByUser, PendingEvents, type PendingOptions } from './pending-events.ts';
import { registerPrivacyRoute, registerPseudonymRoute } from './privacy-requests.ts';

/** How long a request waits for the log to have its events. */
const WRITE_WITHIN_MS = 3_000;

/** Events that were sent to the log and that it has not acknowledged: what a log that is unavailable may hold in memory. */
const MOST_PENDING = 20_000;

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
  /** How many events of one user may wait to be processed, and up to which offset each partition is. */
  readonly pending?: Pick<PendingOptions, 'most' | 'processed'>;
  /** Why no events can be taken now; undefined while they can. */
  readonly refusal?: () => MillraceError | undefined;
  /** How long a request waits for the log to have its events, ms; three seconds where nothing is said. */
  readonly writeWithinMs?: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { log, topics } = options;
  const writer = await TopicWriter.open(log, topics.interactions);
  const decisions = await PrivacyDecisions.open(log, topics.privacy);
  return new Gateway(options, writer, decisions);
}

/** Takes events from outside into topic `interactions`. */
class Gateway {
  readonly #options: GatewayOptions;
  readonly #writer: TopicWriter<string, Interaction>;
  readonly #defaults: EventDefaults;
  readonly #decisions: PrivacyDecisions;
  readonly #events: Counter<'outcome'>;
  readonly #pending: PendingEvents | undefined;
  readonly #waiting: Gauge;
  #unwritten = 0;

  constructor(
    options: GatewayOptions,
    writer: TopicWriter<string, Interaction>,
    decisions: PrivacyDecisions,
  ) {
    const { clock, logger, metrics, pending } = options;
    this.#options = options;
    this.#writer = writer;
    this.#decisions = decisions;
    this.#defaults = { eventId: () => randomUUID(), now: () => clock.now() };
    this.#pending = pending && new PendingEvents({ ...pending, clock, logger });
    const help = 'Events posted, by outcome: accepted, or the code of the refusal.';
    this.#events = metrics.counter('gateway_events_total', help, ['outcome']);
    this.#waiting = metrics.gauge(
      'gateway_unwritten_events',
      'Events sent to the log that it has not acknowledged.',
    );
  }

  /**
   * Resolves when the good ones among the events are durable. InputError MR_EVENT_BATCH for no events or too many;
   * RetryableError with the code of the log or of the vault when it cannot take them, and of `refusal`: then none is
   * claimed.
   */
  async accept(events: readonly unknown[], traceparent?: string): Promise<Receipt> {
    if (events.length === 0 || events.length > MAX_BATCH_EVENTS) {
      throw new InputError(
        'MR_EVENT_BATCH',
        `A request contains 1 to ${MAX_BATCH_EVENTS} events, not ${events.length}.`,
        {
          hint: 'Spread them over several requests.',
        },
      );
    }
    const refusal = this.#options.refusal?.();
    if (refusal !== undefined) {
      this.#events.inc({ outcome: refusal.code }, events.length);
      throw refusal;
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
    server.serve(postEvents, ({ body, request, reply }) => this.#answer(body, request, reply));
    server.refuseEarly(postEvents, logStalled(), () => this.#unwritten >= MOST_PENDING);
    registerPrivacyRoute(server, this.#options, this.#decisions);
    registerPseudonymRoute(server, this.#options);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#writer.close();
    await this.#decisions.close();
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
    if (aheadMs <= this.#options.futureMs) {
      if (this.#pending?.take(event.user_id) !== false) return event;
      return { index, ...givenId(json), code: 'MR_EVENT_USER_PENDING', reason: tooManyPending().message };
    }
    const future = `the event lies ${aheadMs} ms in the future`;
    return { index, ...givenId(json), code: 'MR_EVENT_FUTURE', reason: future };
  }

  async #write(events: readonly Interaction[], traceparent: string | undefined): Promise<void> {
    const users = countByUser(events.map(({ user_id }) => user_id));
    const headers = traceparent === undefined ? [] : [['traceparent', Buffer.from(traceparent)] as const];
    try {
      const records = (await renamed(this.#options.pseudonyms, events)).map((value) => {
        return { key: value.user_id, value, timestamp: value.ts, headers };
      });
      const ends = await this.#writeInTime(records);
      this.#pending?.wrote(users, ends);
    } catch (cause) {
      this.#pending?.giveBack(users);
      const code = errorCode(cause) ?? 'MR_INVARIANT';
      this.#events.inc({ outcome: code }, events.length);
      this.#options.logger.error({ err: cause, events: events.length }, 'events could not be accepted');
      if (!(cause instanceof MillraceError)) throw cause;
      throw new RetryableError(relayed(code), `The events were not accepted: ${cause.message}.`, {
        hint: 'Send them again with the same event_id: events that the log already has count once.',
        cause,
      });
    }
  }

  /** What comes too late may still be written: that is why the events have ids. */
  async #writeInTime(records: readonly OutgoingRecord<string, Interaction>[]): Promise<readonly Appended[]> {
    if (this.#unwritten + records.length > MOST_PENDING) {
      throw new RetryableError('MR_EVENTS_UNWRITTEN', `${this.#unwritten} events wait for the log`);
    }
    this.#count(records.length);
    const written = this.#writer.write(records).finally(() => this.#count(-records.length));
    const { clock, writeWithinMs = WRITE_WITHIN_MS } = this.#options;
    const outcome = await Deadline.after(clock, writeWithinMs).race(written);
    if (outcome.inTime) return outcome.value;
    throw new RetryableError('MR_EVENTS_UNWRITTEN', `the log did not write them within ${writeWithinMs} ms`);
  }

  #count(records: number): void {
    this.#unwritten += records;
    this.#waiting.set(this.#unwritten);
  }

  async #answer(body: unknown, request: HttpRequest, reply: HttpReply): Promise<Receipt | HttpReply> {
    const receipt = await this.accept(Array.isArray(body) ? body : [body], traceparentOf(request));
    if (receipt.accepted > 0) return receipt;
    if (receipt.refused.every(({ code }) => code === 'MR_EVENT_USER_PENDING')) {
      return sendProblem(reply.header('retry-after', 1), 429, tooManyPending(), receipt);
    }
    const refusal = {
      code: 'MR_EVENT_INVALID',
      message: receipt.refused[0]?.reason ?? '',
      hint: 'Correct what `refused` lists; nothing of this request was accepted.',
    };
    return sendProblem(reply, 400, refusal, receipt);
  }
}

function logStalled(): RetryableError {
  return new RetryableError('MR_EVENTS_UNWRITTEN', 'The log takes no events at the moment.', {
    hint: 'Send them again in a moment, with the same event_id.',
  });
}

function tooManyPending(): RetryableError {
  return new RetryableError('MR_EVENT_USER_PENDING', 'Too many events of the user await processing.', {
    hint: 'Send them again in a moment, with the same event_id; the limit is admission.userPendingEvents.',
  });
}

/** The producer's own id of an event, to find it by. */
function givenId(json: unknown): { event_id: string } | undefined {
  if (typeof json !== 'object' || json === null || !('event_id' in json)) return undefined;
  return typeof json.event_id === 'string' ? { event_id: json.event_id.slice(0, 128) } : undefined;
}
