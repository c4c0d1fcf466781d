import { type Clock, Deadline, type Logger } from '#platform';
import type { VersionRole } from '#schemas';
import { AgreementTally, compareScores, type ScoredItem } from './compare-scores.ts';
import type { Comparisons } from './comparisons.ts';
import { mismatch } from './mismatch.ts';
import type { RecordedRequests } from './recorded-requests.ts';
import { type Replay, replayed, replayedInUse } from './replay.ts';

/** A swap waits no longer than this, however long each replay takes. */
const LONGEST_MS = 10_000;
/** Between two requests, so that answers given meanwhile do not queue behind replays. */
const PAUSE_MS = 2;
/** Scores, and requests that they are of, from which on it counts that all are equal. */
const TELLING = { scores: 20, requests: 5 };

export type Proving = {
  readonly recorded: RecordedRequests;
  readonly comparisons: Comparisons;
  readonly clock: Clock;
  readonly logger: Logger;
};

type Replayed = { readonly id: string; readonly replay: Replay };

/**
 * Warms a loaded version up by recorded requests, and compares its scores with those of the version in use. Without either
 * there is nothing to compare. Errors: those of the version; FatalError MR_VERSION_CORRUPT where a score is not finite, or
 * where all are equal and those of the version in use are not.
 */
export async function proveVersion(
  { recorded, comparisons, clock, logger }: Proving,
  role: VersionRole,
  { version, inUse }: { readonly version: Replayed; readonly inUse: Replayed | undefined },
): Promise<void> {
  const deadline = Deadline.after(clock, LONGEST_MS);
  const tally = new AgreementTally();
  const [own, others] = [new Spread(), new Spread()];
  for (const request of recorded.all()) {
    const proving = await deadline.race(replayed(version.replay, request));
    if (!proving.inTime) break;
    if (proving.value === undefined) continue;
    requireFinite(version.id, proving.value);
    own.add(proving.value);
    const known = inUse && (await deadline.race(replayedInUse(inUse.replay, request)));
    if (known?.inTime && known.value !== undefined) {
      others.add(known.value);
      if (proving.value.length > 0 || known.value.length > 0)
        tally.add(compareScores(proving.value, known.value));
    }
    await clock.sleep(PAUSE_MS);
  }
  if (own.isConstant && !others.isConstant) {
    throw mismatch(version.id, `it scores all items of ${own.requests} recorded requests alike`);
  }
  if (inUse === undefined || tally.agreement.requests === 0) return;
  const comparison = {
    role,
    version: version.id,
    production: inUse.id,
    mode: 'swap',
    ...tally.agreement,
  } as const;
  comparisons.note(comparison);
  logger.info(comparison, 'a version was compared with the one in use');
}

export function requireFinite(version: string, scored: readonly ScoredItem[]): void {
  const wrong = scored.find(({ score }) => !Number.isFinite(score));
  if (wrong !== undefined) throw mismatch(version, `it scores item ${wrong.itemId} with ${wrong.score}`);
}

/** Whether scores of several requests differ at all. */
class Spread {
  requests = 0;
  #scores = 0;
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;

  add(scored: readonly ScoredItem[]): void {
    if (scored.length > 0) this.requests++;
    this.#scores += scored.length;
    for (const { score } of scored) {
      this.#least = Math.min(this.#least, score);
      this.#most = Math.max(this.#most, score);
    }
  }

  /** False where there are too few to tell. */
  get isConstant(): boolean {
    const { scores, requests } = TELLING;
    return this.#scores >= scores && this.requests >= requests && this.#least === this.#most;
  }
}
