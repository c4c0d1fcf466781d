import { Backoff, type Clock, ConfigurationError, invariant, type Logger, type Metrics } from '#platform';
import type { Interaction } from '#schemas';
import { browse } from './behaviour.ts';
import { entryIndex } from './catalogue.ts';
import { Consumed } from './consumed.ts';
import { LiveCounter, type LiveCounts } from './live-tally.ts';
import { BACKOFF, Outbox } from './outbox.ts';
import { Random } from './random.ts';
import { Timeline } from './timeline.ts';
import { Visit } from './visit.ts';
import type { World } from './world.ts';

export type LiveOptions = {
  readonly world: World;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Mean rate that is aimed at; greater than 0. */
  readonly eventsPerSecond: number;
  /** At most `k` item ids, best first. A rejection ends the session and makes all agents wait a little. */
  readonly recommend: (userId: string, k: number) => Promise<{ requestId: string; items: string[] }>;
  /** Resolves when the events are durable. After a rejection the same events are published again. */
  readonly publish: (events: Interaction[]) => Promise<void>;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
};

const TICK_MS = 100;
/** Items per request. */
const SLOTS = 10;
/** Live agents live twenty times as fast as they say (watch_ms), so that an answer's outcome is there in seconds. */
const PACE = 1 / 20;
const NEXT_PAGE = 0.55;
/** Seconds of the rate that may be made up for after a pause. */
const BURST_SECONDS = 2;
const ASKS_AT_ONCE = 64;
/** Draws of an agent who is not in a session. */
const DRAWS = 16;
/** Pairs of agent and item that are remembered. */
const MEMORY = 500_000;
/** How long stopping waits for answers under way. */
const PATIENCE_MS = 2_000;

/**
 * Agents in the present: they open sessions, ask for recommendations, look at what was answered and react by
 * taste, so that better answers show as a better click rate. Events carry the answer's request id. Failures of
 * the recommender and the publisher are counted and waited out; they never end the agents.
 */
export class LiveAgents {
  readonly #options: LiveOptions;
  readonly #random: Random;
  readonly #counter: LiveCounter;
  readonly #outbox: Outbox;
  readonly #asking: Backoff;
  readonly #consumed = new Consumed(MEMORY);
  readonly #stopping = new AbortController();
  /** Events and next pages that are still to come. */
  readonly #timeline = new Timeline<Interaction | Visit>();
  /** Visits that wait for their next page. */
  readonly #turning: Visit[] = [];
  /** Agents in a session. */
  readonly #busy = new Set<number>();
  readonly #asks = new Set<Promise<void>>();
  readonly #idPrefix: string;
  #sessions = 0;
  #running: Promise<void> | undefined;
  /** Events that may still be caused; what an answer will cause is estimated by `#eventsPerPage`. */
  #budget = 0;
  #eventsPerPage = 12;

  /** @throws ConfigurationError MR_SIMULATOR_RATE when the rate is not a number greater than 0. */
  constructor(options: LiveOptions) {
    if (!(options.eventsPerSecond > 0 && Number.isFinite(options.eventsPerSecond))) {
      throw new ConfigurationError(
        'MR_SIMULATOR_RATE',
        `${options.eventsPerSecond} events/s is not a valid rate.`,
        {
          hint: 'Use a number greater than 0, or do not start live agents.',
        },
      );
    }
    this.#options = options;
    const { random, clock, logger, publish } = options;
    this.#random = new Random(Math.floor(random() * 2 ** 32));
    this.#idPrefix = `l${clock.now().toString(36)}.${Math.floor(random() * 36 ** 5).toString(36)}`;
    this.#counter = new LiveCounter(options.metrics);
    this.#outbox = new Outbox({
      publish,
      clock,
      signal: this.#stopping.signal,
      random,
      counter: this.#counter,
      logger,
    });
    this.#asking = new Backoff(clock, { ...BACKOFF, random });
  }

  counts(): LiveCounts {
    return this.#counter.counts();
  }

  start(): void {
    invariant(this.#running === undefined && !this.#stopping.signal.aborted, 'live agents are started once');
    this.#running = this.#run();
  }

  /**
   * Ends all sessions, waits for answers under way (two seconds at most), and publishes what has happened.
   * What agents would have done later does not happen.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    const patience = new AbortController();
    const answered = Promise.all(this.#asks).then(() => patience.abort());
    await Promise.race([answered, this.#options.clock.sleep(PATIENCE_MS, patience.signal)]);
    await this.#outbox.close();
  }

  async #run(): Promise<void> {
    const { clock, eventsPerSecond } = this.#options;
    const { signal } = this.#stopping;
    let before = clock.monotonic();
    while (!signal.aborted) {
      const now = clock.monotonic();
      const earned = ((now - before) / 1000) * eventsPerSecond;
      const most = Math.max(eventsPerSecond * BURST_SECONDS, this.#eventsPerPage);
      this.#budget = Math.min(most, this.#budget + earned);
      before = now;
      this.#tick(clock.now());
      await clock.sleep(TICK_MS, signal);
    }
  }

  #tick(now: number): void {
    for (let due = this.#timeline.takeDue(now); due !== undefined; due = this.#timeline.takeDue(now)) {
      if (due instanceof Visit) this.#turning.push(due);
      else this.#outbox.add(due);
    }
    while (this.#mayAsk) {
      const visit = this.#turning.shift() ?? this.#begin(now);
      if (visit === undefined) break;
      const ask = this.#ask(visit).finally(() => this.#asks.delete(ask));
      this.#asks.add(ask);
    }
    this.#outbox.send();
  }

  get #mayAsk(): boolean {
    if (this.#budget <= 0 || this.#asks.size >= ASKS_AT_ONCE) return false;
    return !this.#outbox.full && !this.#asking.isWaiting;
  }

  /** A new session of an agent who has none; undefined when nearly all have one. */
  #begin(now: number): Visit | undefined {
    const { world } = this.#options;
    for (let attempt = 0; attempt < DRAWS; attempt++) {
      const index = world.drawAgent(this.#random, now - world.startsAt);
      if (this.#busy.has(index)) continue;
      this.#busy.add(index);
      this.#counter.session();
      const sessionId = `${this.#idPrefix}-${(this.#sessions++).toString(36)}`;
      const agent = world.agent(index);
      return new Visit({ agent, sessionId, startsAt: now, pace: PACE }, this.#random);
    }
    return undefined;
  }

  async #ask(visit: Visit): Promise<void> {
    const { recommend, logger } = this.#options;
    const estimate = this.#eventsPerPage;
    this.#budget -= estimate;
    let answer: Awaited<ReturnType<typeof recommend>>;
    try {
      answer = await recommend(visit.agent.user.user_id, SLOTS);
    } catch (err) {
      this.#counter.trouble('recommendFailures');
      this.#budget += estimate;
      this.#busy.delete(visit.agent.index);
      // Several calls that fail together count as one failure.
      if (this.#asking.isWaiting) return;
      logger?.warn({ err }, 'live agents got no answer; trying again');
      void this.#asking.wait(this.#stopping.signal);
      return;
    }
    this.#asking.reset();
    if (this.#stopping.signal.aborted) return;
    // An answer without items costs something too, or a recommender that has none would be asked without end.
    this.#budget += estimate - Math.max(1, this.#look(visit, answer.requestId, answer.items));
  }

  /** Plays an agent's reaction to an answer, and returns the number of events that come of it. */
  #look(visit: Visit, requestId: string, items: readonly string[]): number {
    const { world, clock } = this.#options;
    const index = items.map((id) => entryIndex(world.catalogue, id)).filter((entry) => entry >= 0);
    this.#counter.answer();
    this.#counter.trouble('unknownItems', items.length - index.length);
    if (items.length === 0) this.#counter.trouble('emptyAnswers');
    visit.catchUp(clock.now());
    visit.requestId = requestId;
    browse(visit, world.catalogue.entries, index, {
      random: this.#random,
      consumed: this.#consumed,
      trends: [],
      intent: 0,
    });
    const events = visit.take();
    for (const event of events) this.#timeline.add(event.ts, event);
    this.#eventsPerPage += 0.02 * (events.length - this.#eventsPerPage);
    this.#goOn(visit, index.length > 0);
    return events.length;
  }

  /** Another page, or the end of the session. */
  #goOn(visit: Visit, satisfied: boolean): void {
    if (satisfied && this.#random.chance(NEXT_PAGE)) {
      visit.pass(this.#random.between(1_000, 15_000));
      this.#timeline.add(visit.now, visit);
    } else {
      this.#busy.delete(visit.agent.index);
    }
  }
}
