import type { Metrics } from '#platform';
import type { Interaction } from '#schemas';

const NOTHING = {
  sessions: 0,
  /** Answers looked at. */
  answers: 0,
  /** Published events, among them impressions and clicks. */
  published: 0,
  impressions: 0,
  clicks: 0,
  recommendFailures: 0,
  publishFailures: 0,
  /** Answers without items. */
  emptyAnswers: 0,
  /** Answered items that this world does not have; agents look past them. */
  unknownItems: 0,
  /** Events that had happened and could not be published when the agents were stopped. */
  abandoned: 0,
};

/** What live agents have done since they were started. */
export type LiveCounts = Readonly<typeof NOTHING>;

/** The counts kept up, and the same as metrics where there are any. */
export class LiveCounter {
  readonly #tally = { ...NOTHING };
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
