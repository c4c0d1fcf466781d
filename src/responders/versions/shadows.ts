import { type Topic, TopicWriter } from '#engine';
import type { Log } from '#log';
import { type Clock, type Counter, Deadline, errorCode, type Logger, type Metrics } from '#platform';
import type { ShadowScores, Version } from '#schemas';
import { isSampled } from '../sampling.ts';
import { AgreementTally, compareScores, type ScoredItem } from './compare-scores.ts';
import type { Comparisons } from './comparisons.ts';
import type { InForce, Served } from './in-force.ts';
import type { ObservedAnswer } from './observed-answer.ts';
import { requireFinite } from './prove-version.ts';
import { type Replay, replayed } from './replay.ts';

/** Requests that may wait for the staged version: a few seconds of them. */
const CAPACITY = 500;
/** Pause before each, so that the answer is sent and later ones are made first. */
const PAUSE_MS = 5;
/** What takes longer is left out; a staged version that hangs holds up nothing but its own backlog. */
const LONGEST_MS = 1_000;
const BATCH = 50;

/** How the staged versions of one role are loaded and asked. */
export type ShadowRole<T extends Served> = {
  readonly role: 'retrieval' | 'ranking';
  readonly staged: InForce<T>;
  readonly replayOf: (version: T) => Replay;
};

export type ShadowOptions = {
  readonly log: Log;
  readonly topics: { readonly 'shadow-scores': Topic<string, ShadowScores> };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly comparisons: Comparisons;
  /** Part of the requests that staged versions score as well, 0 to 1; chosen by request id. */
  readonly share: number;
};

type ShadowAnswer = { readonly id: string; readonly scored: readonly ScoredItem[] };

/** One role with what it has been compared by since its version was staged. */
class Shadow<T extends Served> {
  readonly #options: ShadowRole<T>;
  #version = '';
  #tally = new AgreementTally();

  constructor(options: ShadowRole<T>) {
    this.#options = options;
  }

  get role(): ShadowRole<T>['role'] {
    return this.#options.role;
  }

  get staged(): Pick<InForce<T>, 'note' | 'update' | 'current' | 'close'> {
    return this.#options.staged;
  }

  /** Undefined where there is no staged version, or its rows are out of reach. It is held until it answers or time is up. */
  async score({ request }: ObservedAnswer, deadline: Deadline): Promise<ShadowAnswer | 'late' | undefined> {
    const version = this.#options.staged.acquire();
    if (version === undefined) return undefined;
    try {
      const scoring = await deadline.race(replayed(this.#options.replayOf(version), request));
      if (!scoring.inTime) return 'late';
      if (scoring.value === undefined) return undefined;
      requireFinite(version.id, scoring.value);
      return { id: version.id, scored: scoring.value };
    } finally {
      version.release();
    }
  }

  tallyOf(version: string): AgreementTally {
    if (version !== this.#version) this.#tally = new AgreementTally();
    this.#version = version;
    return this.#tally;
  }
}

/** One whatever its versions are. */
type ShadowPort = Pick<Shadow<Served>, 'role' | 'staged' | 'score' | 'tallyOf'>;

/**
 * Lets the newest staged version of each role score a sample of the requests that the versions in use have answered, and
 * writes the scores of both to topic `shadow-scores`. It works one request after another behind the answers; what does not
 * fit in its backlog, fails or takes too long is counted and left out.
 */
export class Shadows {
  readonly #options: ShadowOptions;
  readonly #shadows: readonly ShadowPort[];
  readonly #writer: TopicWriter<string, ShadowScores>;
  readonly #outcomes: Counter<'outcome'>;
  readonly #closing = new AbortController();
  #backlog: ObservedAnswer[] = [];
  #working: Promise<void> | undefined;

  private constructor(
    options: ShadowOptions,
    shadows: readonly ShadowPort[],
    writer: TopicWriter<string, ShadowScores>,
  ) {
    this.#options = options;
    this.#shadows = shadows;
    this.#writer = writer;
    const help = 'Requests that a staged version scored, or was not asked, by outcome or error code.';
    this.#outcomes = options.metrics.counter('shadow_requests_total', help, ['outcome']);
  }

  static async open<A extends Served, B extends Served>(
    options: ShadowOptions,
    retrieval: ShadowRole<A>,
    ranking: ShadowRole<B>,
  ): Promise<Shadows> {
    const writer = await TopicWriter.open(options.log, options.topics['shadow-scores']);
    return new Shadows(options, [new Shadow(retrieval), new Shadow(ranking)], writer);
  }

  /** Notes a step in the life of a version; staged until it is promoted, rejected or archived. */
  note(step: Version): void {
    const shadow = this.#shadows.find(({ role }) => role === step.candidate.role);
    // For what serves it, being staged is being in use.
    shadow?.staged.note({ ...step, status: step.status === 'staged' ? 'promoted' : 'archived' });
  }

  update(): void {
    for (const { staged } of this.#shadows) staged.update();
  }

  /** Versions that score a sample now. */
  get staged(): readonly string[] {
    return this.#shadows.flatMap(({ staged }) => staged.current ?? []);
  }

  /** Puts an answer that was given in the backlog, if it is of the sample. */
  offer(answer: ObservedAnswer): void {
    if (this.staged.length === 0 || !isSampled(answer.requestId, this.#options.share)) return;
    if (this.#backlog.length >= CAPACITY) {
      this.#outcomes.inc({ outcome: 'backlog-full' });
      return;
    }
    this.#backlog.push(answer);
    this.#working ??= this.#work();
  }

  /** Forgets the requests of a user. */
  forget(userId: string): void {
    this.#backlog = this.#backlog.filter(({ request }) => request.userId !== userId);
  }

  /** What waits is given up; what has been scored is written. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#working;
    await Promise.all(this.#shadows.map(({ staged }) => staged.close()));
    await this.#writer.close();
  }

  async #work(): Promise<void> {
    const { clock } = this.#options;
    const scores: ShadowScores[] = [];
    for (;;) {
      await clock.sleep(PAUSE_MS, this.#closing.signal);
      const answer = this.#closing.signal.aborted ? undefined : this.#backlog.shift();
      if (answer !== undefined) {
        for (const shadow of this.#shadows) scores.push(...(await this.#scored(shadow, answer)));
      }
      if (scores.length >= BATCH || answer === undefined) await this.#write(scores.splice(0));
      if (answer === undefined && (this.#closing.signal.aborted || this.#backlog.length === 0)) break;
    }
    this.#working = undefined;
  }

  async #scored(shadow: ShadowPort, answer: ObservedAnswer): Promise<readonly ShadowScores[]> {
    const { clock, logger, comparisons } = this.#options;
    try {
      const scoring = await shadow.score(answer, Deadline.after(clock, LONGEST_MS));
      if (scoring === 'late') {
        this.#outcomes.inc({ outcome: 'late' });
        return [];
      }
      if (scoring === undefined || scoring.scored.length === 0) return [];
      const { id, scored } = scoring;
      const { role } = shadow;
      const inUse = answer[role];
      this.#outcomes.inc({ outcome: 'scored' });
      const compared = inUse && compareScores(scored, inUse.scored);
      if (compared !== null) {
        const tally = shadow.tallyOf(id);
        tally.add(compared);
        comparisons.note({
          role,
          version: id,
          production: inUse?.version ?? '',
          mode: 'shadow',
          ...tally.agreement,
        });
      }
      return [
        {
          ...{
            request_id: answer.requestId,
            ts: clock.now(),
            role,
            version: inUse?.version ?? null,
            shadow: id,
          },
          items: scoresOfBoth(scored, inUse?.scored ?? []),
          ...(compared ?? { overlap: null, correlation: null, difference: null }),
        },
      ];
    } catch (err) {
      this.#outcomes.inc({ outcome: errorCode(err) ?? 'MR_INVARIANT' });
      logger.warn({ err, role: shadow.role }, 'a staged version failed over a request');
      return [];
    }
  }

  async #write(scores: readonly ShadowScores[]): Promise<void> {
    if (scores.length === 0) return;
    try {
      await this.#writer.write(
        scores.map((value) => ({ key: value.request_id, value, timestamp: value.ts })),
      );
    } catch (err) {
      this.#outcomes.inc({ outcome: 'log-failed' }, scores.length);
      this.#options.logger.warn(
        { err, requests: scores.length },
        'scores of a staged version could not be logged',
      );
    }
  }
}

/** In the order of the staged version, then what it did not find. */
function scoresOfBoth(shadow: readonly ScoredItem[], inUse: readonly ScoredItem[]): ShadowScores['items'] {
  const shadowed = new Map(shadow.map(({ itemId, score }) => [itemId, score]));
  const used = new Map(inUse.map(({ itemId, score }) => [itemId, score]));
  return Array.from(new Set([...shadowed.keys(), ...used.keys()]), (itemId) => ({
    item_id: itemId,
    score: used.get(itemId) ?? null,
    shadow_score: shadowed.get(itemId) ?? null,
  }));
}
