import type { Interaction, InteractionContext, InteractionKind } from '#schemas';
import type { Agent } from './agents.ts';
import type { Random } from './random.ts';

export type VisitOptions = {
  readonly agent: Agent;
  readonly sessionId: string;
  /** ms since the epoch. */
  readonly startsAt: number;
  /** Time that passes for the world while one ms passes for the agent: 1, or less to see outcomes sooner. */
  readonly pace: number;
};

/** One session of one agent: its own clock, and the events so far in the order of that clock. */
export class Visit {
  readonly agent: Agent;
  readonly sessionId: string;
  /** The answer whose items the agent is looking at. */
  requestId: string | null = null;
  readonly #context: InteractionContext;
  readonly #pace: number;
  readonly #startsAt: number;
  /** Apart from the start, so that rounding does not depend on when that is. */
  #elapsedMs = 0;
  #recorded = 0;
  #events: Interaction[] = [];

  constructor(options: VisitOptions, random: Random) {
    this.agent = options.agent;
    this.sessionId = options.sessionId;
    this.#pace = options.pace;
    this.#startsAt = options.startsAt;
    const { country, language } = options.agent.user;
    this.#context = { device: random.pick(options.agent.devices), country, language };
  }

  /** The visit's time, whole ms since the epoch. */
  get now(): number {
    return this.#startsAt + Math.floor(this.#elapsedMs);
  }

  /** Lets the agent's time pass. */
  pass(ms: number): void {
    this.#elapsedMs += ms * this.#pace;
  }

  /** Lets the visit's time catch up with the world's, as after waiting for an answer. */
  catchUp(now: number): void {
    this.#elapsedMs = Math.max(this.#elapsedMs, now - this.#startsAt);
  }

  record(kind: InteractionKind, itemId: string | null, value: number | null, watchMs: number | null): void {
    this.#events.push({
      event_id: `${this.sessionId}-${(this.#recorded++).toString(36)}`,
      user_id: this.agent.user.user_id,
      item_id: itemId,
      kind,
      value,
      watch_ms: watchMs,
      session_id: this.sessionId,
      request_id: this.requestId,
      context: this.#context,
      ts: this.now,
      original_ts: null,
      item: null,
    });
  }

  /** Hands over the events recorded since the last call. */
  take(): Interaction[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
