import { contextFeatures, seenItems, userFeaturesView, worldNow } from '#features';
import type { Clock } from '#platform';
import { type Degradations, isAway, OUT_OF_TIME } from './degradations.ts';
import type { OnlineViews } from './features/online-views.ts';
import { ItemPolicy } from './filters/item-policy.ts';
import { RequestFilter } from './filters/request-filter.ts';
import type { AnswerRequest, RecommendRequest, RequestDetails } from './request.ts';
import { knownItem } from './view-store/item-numbers.ts';
import type { ViewStore } from './view-store/port.ts';
import { type UserRows, userRows } from './view-store/user-rows.ts';

const DAY_MS = 86_400_000;
/** Part of a request's time for reading the rows of its user. */
const ROWS_SHARE = 0.4;

type Parts = {
  readonly views: ViewStore;
  readonly online: OnlineViews;
  readonly clock: Clock;
  /** Years that users of unknown age are taken to have. */
  readonly assumedAge: number;
};

const noRows: UserRows = { state: undefined, profile: null };

/** Adds what is known of the one that an answer is for to a request. */
export class Requests {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Where the rows of the user can't be read in time, the request is one of an unknown user; `isRead` says whether they were. */
  async open(
    asked: AnswerRequest,
    degradations: Degradations,
  ): Promise<RecommendRequest & { readonly isRead: boolean }> {
    const { recipient, details } = asked;
    const userId = 'userId' in recipient ? recipient.userId : undefined;
    const rows = await this.#rowsOf(userId, asked, degradations);
    const { state, profile } = rows ?? noRows;
    const now = this.now();
    const known = state && this.#parts.online.read(userFeaturesView, state, now).row;
    const met = 'recentItems' in recipient ? recipient.recentItems : [];
    const recent = known?.recent_items ?? met;
    const position = known?.session_position ?? met.length;
    const consumed = state === undefined ? met : seenItems(state);
    const { context, currentItem, category } = details;
    const recentItems =
      currentItem === null ? recent : [currentItem, ...recent.filter((id) => id !== currentItem)];
    return {
      requestId: asked.requestId,
      // One whom the model knows and who has no row has opted out since it was trained.
      userId: state === undefined ? '' : (userId ?? ''),
      profile,
      recentItems,
      recentNumbers: Int32Array.from(recentItems, (id) => knownItem(id) ?? -1),
      favouriteCategories: known?.favourite_categories ?? [],
      context,
      moment: contextFeatures({ ts: now, context }, position),
      category,
      k: asked.k,
      now,
      filter: this.#filterOf(details, { profile, consumed, now }),
      deadline: asked.deadline,
      isRead: rows !== undefined,
    };
  }

  /** Ms of the world's clock. */
  now(): number {
    const { views, clock } = this.#parts;
    return worldNow({ watermark: views.watermark, wallNow: clock.now() });
  }

  /** Undefined where they can't be read. That is logged by who keeps them, once. */
  async #rowsOf(
    userId: string | undefined,
    { deadline }: AnswerRequest,
    degradations: Degradations,
  ): Promise<UserRows | undefined> {
    if (userId === undefined) return noRows;
    try {
      const read = await deadline.share(ROWS_SHARE).race(userRows(this.#parts.views, [userId]));
      if (read.inTime) return read.value[0];
      degradations.note(OUT_OF_TIME);
    } catch (error) {
      if (!isAway(error)) throw error;
      degradations.note(error.code);
    }
    return undefined;
  }

  #filterOf(
    { context, currentItem, category, languages, maxAgeDays, allow, deny }: RequestDetails,
    {
      profile,
      consumed,
      now,
    }: Pick<RecommendRequest, 'profile' | 'now'> & { readonly consumed: readonly string[] },
  ): RequestFilter {
    const { views, assumedAge } = this.#parts;
    const policy = new ItemPolicy({
      age: profile?.age ?? assumedAge,
      country: context.country ?? profile?.country ?? null,
      languages,
      category,
      createdSince: maxAgeDays === null ? Number.NEGATIVE_INFINITY : now - maxAgeDays * DAY_MS,
    });
    return new RequestFilter({ policy, consumed, current: currentItem, deny, allow, facts: views.facts });
  }
}
