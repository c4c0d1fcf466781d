import type { Metrics } from '#platform';
import type { Interaction } from '#schemas';

/** What live agents have done since they were started. */
export type LiveCounts = {
  readonly sessions: number;
  /** Answers looked at. */
  readonly answers: number;
  /** Published events, among them impressions and clicks. */
  readonly published: number;
  readonly impressions: number;
  readonly clicks: number;
  readonly recommendFailures: number;
  readonly publishFailures: number;
  /** Answers without items. */
  readonly emptyAnswers: number;
  /** Answered items that this world does not have; agents look past them. */
  readonly unknownItems: number;
  /** Events that had happened and could not be published when the agents were stopped. */
  readonly abandoned: number;
};

export type LiveTally = {
  -readonly [Name in keyof LiveCounts]: LiveCounts[Name];
};

function emptyTally(): LiveTally {
  return {
    sessions: 0,
    answers: 0,
    published: 0,
    impressions: 0,
    clicks: 0,
    recommendFailures: 0,
    publishFailures: 0,
    emptyAnswers: 0,
    unknownItems: 0,
    abandoned: 0,
  };
}

/** The counts kept up, and the same as metrics where there are any. */
export class LiveCounter {
  readonly #tally = emptyTally();
  readonly #events;
  readonly #sessions;
  readonly #troubles;

  constructor(metrics: Metrics | undefined) {
    this.#events = metrics?.counter('simulator_events_total', 'Events published by live agents', ['kind']);
    this.#sessions = metrics?.counter('simulator_sessions_total', 'Sessions begun by live agents');
    this.#troubles = metrics?.counter('simulator_troubles_total', 'What went wrong for live agents', [
      'reason',
    ]);
  }

  counts(): LiveCounts {
    return { ...this.#tally };
  }

  session(): void {
    this.#tally.sessions++;
    this.#sessions?.inc();
  }

  answer(): void {
    this.#tally.answers++;
  }

  published(events: readonly Interaction[]): void {
    for (const { kind } of events) {
      this.#tally.published++;
      if (kind === 'impression') this.#tally.impressions++;
      if (kind === 'click') this.#tally.clicks++;
      this.#events?.inc({ kind });
    }
  }

  trouble(
    reason: 'recommendFailures' | 'publishFailures' | 'emptyAnswers' | 'unknownItems' | 'abandoned',
    count = 1,
  ): void {
    if (count === 0) return;
    this.#tally[reason] += count;
    this.#troubles?.inc({ reason: reason.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) }, count);
  }
}
