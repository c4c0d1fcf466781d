import {
  type AnyView,
  contextFeatures,
  featureViews,
  modelFeatures,
  recordViews,
  userFeaturesView,
} from '#features';
import type { Log } from '#log';
import type { Asking, FeatureColumn, RankerInputs, ScoreParts } from '#models';
import { type Clock, InputError, MillraceError } from '#platform';
import type { Decisions, Pseudonyms } from '#privacy';
import type { Answer } from '#schemas';
import type { SharedFiles } from '#storage';
import type { Topics } from '#topologies';
import { type AnswerLog, NO_USER } from '../answer-log.ts';
import type { FeatureReader } from '../features/feature-reader.ts';
import type { OnlineViews } from '../features/online-views.ts';
import { itemNumber } from '../view-store/item-numbers.ts';
import type { ViewStore } from '../view-store/port.ts';
import { userRows } from '../view-store/user-rows.ts';
import { columnsOfRow, hashOfRow, rowAt } from './feature-row.ts';
import { findAnswer, type LoggedAnswer, type Searched } from './find-answer.ts';
import { lineageOf, type VersionLineage } from './lineage.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { VersionExplainer } from './version-explainer.ts';

const PENDING_MS = 2_000;
const POLL_MS = 20;

export type ExplainOptions = {
  /** About when the answer was given, ms since the epoch. */
  readonly ts?: number | undefined;
  /** Whom it was given to, as the world outside names them. */
  readonly userId?: string | undefined;
};

/** Where the features come from that a score is explained by. */
type Features = {
  /** `recomputed`: as of the time that the answer's were of, from the rows as they are now. */
  readonly origin: 'logged' | 'recomputed';
  /** Whether they hash to what the answer's event says; null where it says nothing. */
  readonly matches: boolean | null;
};

type Contributions = ScoreParts & {
  readonly version: string;
  readonly features: Features | null;
  /** Whether the model arrives at the answer's score: the history that it reads besides is that of now. */
  readonly reproduces: boolean | null;
};

export type Explanation = Outcome & {
  readonly request_id: string;
  readonly item_id: string;
  readonly ts: number;
  readonly version: string | null;
  readonly ranker: string | null;
  readonly variant: string | null;
  readonly degraded: string | null;
  readonly contributions: Contributions | null;
  /** Why there are none. */
  readonly unexplained: string | null;
  readonly features_ts: number | null;
  readonly record: { readonly topic: string; readonly partition: number; readonly offset: number };
  readonly lineage: readonly VersionLineage[];
};

type Parts = {
  readonly log: Log;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly pseudonyms: Pseudonyms;
  readonly dataDirectory: string;
  readonly files?: SharedFiles | undefined;
  readonly answers: AnswerLog;
  readonly decisions: Decisions;
  readonly views: ViewStore;
  readonly online: OnlineViews;
  readonly features: FeatureReader;
  readonly modules: readonly AnyView[];
};

type Query = { readonly asking: Asking; readonly item: string; readonly columns: readonly FeatureColumn[] };

/** Tells from topic `answers` why an item is in an answer, or is not, and what its score was made of. */
export class Explainer {
  readonly #parts: Parts;
  readonly #versions: VersionExplainer;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#versions = new VersionExplainer(parts);
  }

  /** Errors: InputError MR_EXPLAIN_NOT_FOUND; RetryableError MR_EXPLAIN_BUSY; those of the log and the view store. */
  async explain(
    requestId: string,
    itemId: string,
    { ts, userId }: ExplainOptions = {},
  ): Promise<Explanation> {
    const { answer, ...record } = await this.#find(requestId, { ts, userId });
    const outcome = outcomeOf(answer, itemId);
    const lineage = await lineageOf(this.#parts, answer);
    const explained = await this.#contributions(answer, outcome, { itemId, lineage });
    const { version, ranker, variant, degraded, features_ts } = answer;
    return {
      ...{ request_id: requestId, item_id: itemId, ts: answer.ts, version, ranker, variant, degraded },
      ...outcome,
      ...explained,
      ...{ features_ts, record, lineage },
    };
  }

  close(): Promise<void> {
    return this.#versions.close();
  }

  async #find(requestId: string, { ts, userId }: ExplainOptions): Promise<LoggedAnswer> {
    const { clock, answers, pseudonyms, decisions } = this.#parts;
    const until = clock.monotonic() + PENDING_MS;
    while (answers.isPending(requestId) && clock.monotonic() < until) await clock.sleep(POLL_MS);
    const user = userId === undefined ? undefined : (pseudonyms.known(userId) ?? null);
    const { found, searched } = await findAnswer(this.#parts, { requestId, ts, user });
    // Nothing is said about users who have since opted out or been erased.
    if (found === undefined || decisions.of(found.answer.user_id) !== 'opted_in') {
      throw notFound(requestId, searched, answers.isPending(requestId));
    }
    return found;
  }

  async #contributions(
    answer: Answer,
    { score, sources, source }: Outcome,
    { itemId, lineage }: { readonly itemId: string; readonly lineage: readonly VersionLineage[] },
  ): Promise<Pick<Explanation, 'contributions' | 'unexplained'>> {
    const none = (unexplained: string) => ({ contributions: null, unexplained });
    if (score === null) return none('It has no score.');
    if (answer.user_id === NO_USER) return none('The answer is nobody’s: what it was made from is not kept.');
    const isRanked = answer.ranker !== null;
    if (!isRanked && !(sources.includes('index') || source === 'index'))
      return none('Its score is that of its source.');
    const id = isRanked ? answer.ranker : answer.version;
    const version = lineage.find((each) => each.version === id);
    if (version === undefined) return none('Topic versions does not have its version.');
    let features: Features | null = null;
    try {
      const parts = await this.#versions.explain(version, async (inputs) => {
        const read = inputs && (await this.#featuresOf(answer, itemId, inputs));
        features = read?.features ?? null;
        const asking = await this.#askingOf(answer);
        return { asking, item: itemId, columns: read?.columns ?? [] } satisfies Query;
      });
      if (parts === null) return none('The version was not trained with the item.');
      const reproduces = Math.abs(parts.score - score) <= 1e-6 * Math.max(1, Math.abs(score));
      const sorted = parts.parts.toSorted((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
      const contributions = { ...parts, parts: sorted, version: version.version, features, reproduces };
      return { contributions, unexplained: null };
    } catch (error) {
      if (!(error instanceof MillraceError) || error.remedy === 'retry') throw error;
      return none(`${error.code}: ${error.message}`);
    }
  }

  async #featuresOf(
    answer: Answer,
    itemId: string,
    inputs: RankerInputs,
  ): Promise<{ readonly columns: readonly FeatureColumn[]; readonly features: Features }> {
    const shown = answer.items.find(({ item_id }) => item_id === itemId);
    const expected = shown?.features_hash ?? null;
    const matches = (row: Parameters<typeof hashOfRow>[0]) =>
      expected === null ? null : hashOfRow(row) === expected;
    if (shown?.features) {
      const row = shown.features;
      const isText = inputs.inputs.flatMap(({ type, features }) => features.map(() => type === 'string'));
      return { columns: columnsOfRow(row, isText), features: { origin: 'logged', matches: matches(row) } };
    }
    const features = modelFeatures(inputs, [...featureViews, ...recordViews, ...this.#parts.modules]);
    const { columns } = await this.#parts.features.columns({
      user: answer.user_id,
      items: Int32Array.of(itemNumber(itemId)),
      features,
      now: answer.features_ts ?? answer.ts,
    });
    return { columns, features: { origin: 'recomputed', matches: matches(rowAt(columns, 0)) } };
  }

  /** As of the answer's time, from the user's rows as they are now. */
  async #askingOf(answer: Answer): Promise<Asking> {
    const { views, online } = this.#parts;
    const ts = answer.features_ts ?? answer.ts;
    const [rows] = await userRows(views, [answer.user_id]);
    const known = rows?.state && online.read(userFeaturesView, rows.state, ts).row;
    const recent = known?.recent_items ?? [];
    const { current_item: current, context } = answer;
    return {
      user: known === undefined ? '' : answer.user_id,
      recentItems: current === null ? recent : [current, ...recent.filter((id) => id !== current)],
      profile: rows?.profile ?? null,
      context: contextFeatures(
        { ts, context: context ?? { device: null, country: null, language: null } },
        known?.session_position ?? 0,
      ),
    };
  }
}

function notFound(requestId: string, searched: Searched, isPending: boolean): InputError {
  const { fromMs, toMs, records, partitions, isComplete } = searched;
  const [from, to] = [fromMs, toMs].map((ms) => new Date(Math.max(0, ms)).toISOString());
  const what = isPending
    ? 'waits to be written'
    : `is not among the ${records} records of ${partitions} partitions from ${from} to ${to}`;
  return new InputError(
    'MR_EXPLAIN_NOT_FOUND',
    `The answer to request ${requestId} ${what}${isComplete ? '' : ' (the newest of them; there are more)'}.`,
    {
      hint: 'State about when it was given (ts, ms) and to whom (user_id); answers are kept for the retention of topic answers.',
    },
  );
}
