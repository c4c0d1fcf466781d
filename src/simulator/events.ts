import { ConfigurationError } from '#platform';
import type { Interaction } from '#schemas';
import { chronotype } from './agents.ts';
import { browse, type Surroundings } from './behaviour.ts';
import { Consumed } from './consumed.ts';
import { drawPage } from './exposure.ts';
import { hash, Random } from './random.ts';
import { load, TrendWatch, wakefulness } from './rhythm.ts';
import { Visit } from './visit.ts';
import type { World } from './world.ts';

/** Sessions are begun slice by slice; what is kept at a time is a slice's events and those of open sessions. */
const SLICE_MS = 10 * 60_000;
/** Draws of an agent who is awake and not in a session before any will do. */
const DRAWS = 16;
/** Clicks are at most this share of events; see Consumed. */
const CLICK_SHARE = 0.25;

/**
 * Exactly `events` interactions within the period, ordered by ts, without a recommender. The same seed gives the
 * same events, and another `endsAt` the same ones shifted. Memory: a ten-minute slice of events, and half a byte
 * for each event.
 *
 * @throws ConfigurationError MR_SIMULATOR_EVENTS when `events` is not a whole number of at least 0.
 */
export function worldEvents(world: World, { events }: { readonly events: number }): Generator<Interaction> {
  if (!Number.isSafeInteger(events) || events < 0) {
    throw new ConfigurationError('MR_SIMULATOR_EVENTS', `A world can't have ${events} events.`, {
      hint: 'Use a whole number.',
    });
  }
  return generate(world, events);
}

function* generate(world: World, events: number): Generator<Interaction> {
  const sessions = new Sessions(world, events);
  const targets = sliceTargets(world.periodMs, events);
  let made = 0;
  let pending: Interaction[] = [];
  for (let slice = 0; slice < targets.length; slice++) {
    const fromMs = slice * SLICE_MS;
    sessions.enter(fromMs);
    const target = targets[slice] as number;
    while (made < target) {
      const session = sessions.next(fromMs);
      for (let i = 0; i < session.length && made < events; i++, made++)
        pending.push(session[i] as Interaction);
    }
    // Stable, so that events of one session and one ms stay in the order in which they were made.
    pending.sort((left, right) => left.ts - right.ts);
    const sliceEnd = world.startsAt + fromMs + SLICE_MS;
    let due = 0;
    for (; due < pending.length && (pending[due] as Interaction).ts < sliceEnd; due++) {
      yield pending[due] as Interaction;
    }
    pending = pending.slice(due);
  }
}

/** How many events are to be made by the end of each slice. */
function sliceTargets(periodMs: number, events: number): Float64Array {
  const targets = new Float64Array(periodMs / SLICE_MS);
  let total = 0;
  for (let slice = 0; slice < targets.length; slice++) {
    total += load(slice * SLICE_MS, periodMs);
    targets[slice] = total;
  }
  return targets.map((sum) => Math.round((sum / total) * events));
}

/** Begins sessions, and plays each of them to its end. */
class Sessions {
  readonly #world: World;
  readonly #random: Random;
  readonly #consumed: Consumed;
  readonly #trends: TrendWatch;
  /** Agents in a session, and when that ends. */
  readonly #busyUntil = new Map<number, number>();
  readonly #prefix: string;
  #begun = 0;

  constructor(world: World, events: number) {
    this.#world = world;
    this.#random = new Random(hash(world.seed, 3));
    this.#consumed = new Consumed(Math.ceil(events * CLICK_SHARE));
    this.#trends = new TrendWatch(world.trends);
    this.#prefix = `b${hash(world.seed, 4).toString(36)}`;
  }

  enter(sliceMs: number): void {
    this.#trends.advance(sliceMs);
    for (const [agent, until] of this.#busyUntil) {
      if (until < this.#world.startsAt + sliceMs) this.#busyUntil.delete(agent);
    }
  }

  /** The events of a session that begins in the slice, ordered by ts, those after the period left out. */
  next(sliceMs: number): readonly Interaction[] {
    const world = this.#world;
    const atMs = sliceMs + this.#random.below(SLICE_MS);
    const startsAt = world.startsAt + atMs;
    const agent = world.agent(this.#drawAgent(atMs));
    const sessionId = `${this.#prefix}-${(this.#begun++).toString(36)}`;
    const visit = new Visit({ agent, sessionId, startsAt, pace: 1 }, this.#random);
    do {
      this.#page(visit);
      visit.pass(this.#random.between(1_000, 15_000));
    } while (this.#random.chance(0.52));
    this.#busyUntil.set(agent.index, visit.now);
    const events = visit.take();
    while ((events.at(-1)?.ts ?? Number.NEGATIVE_INFINITY) >= world.endsAt) events.pop();
    return events;
  }

  #drawAgent(atMs: number): number {
    for (let attempt = 0; ; attempt++) {
      const index = this.#world.drawAgent(this.#random, atMs);
      if (attempt === DRAWS) return index;
      if ((this.#busyUntil.get(index) ?? 0) > this.#world.startsAt + atMs) continue;
      if (this.#random.chance(wakefulness(atMs, chronotype(this.#world.seed, index)))) return index;
    }
  }

  #page(visit: Visit): void {
    const { catalogue, startsAt } = this.#world;
    const trends = this.#trends.active;
    const { kind, index } = drawPage(catalogue, visit.agent, trends, visit.now - startsAt, this.#random);
    if (kind === 'search') visit.record('search', null, null, null);
    const around: Surroundings = {
      random: this.#random,
      consumed: this.#consumed,
      trends,
      intent: kind === 'search' ? 0.4 : 0,
    };
    browse(visit, catalogue.entries, index, around);
  }
}
