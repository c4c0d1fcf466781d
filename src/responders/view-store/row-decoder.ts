import { asOfRows, type ItemState, itemFeaturesView, type UserState, userFeaturesView } from '#features';
import { type Counter, hashUser, InvariantError, type Logger, MillraceError } from '#platform';
import type { Profile, ViewState } from '#schemas';
import type { Topics } from '#topologies';
import { type FollowerEnvironment, undecodableRecords } from '../topic-follower.ts';

const userRows = asOfRows(userFeaturesView);
const itemRows = asOfRows(itemFeaturesView);

export type ViewTopics = Pick<Topics, 'user-features-1' | 'item-features-1' | 'users' | 'items'>;

/** Makes live states and profiles of encoded rows. A damaged row is none: one answer is poorer, and that is counted. */
export class RowDecoder {
  readonly #topics: ViewTopics;
  readonly #logger: Logger;
  readonly #undecodable: Counter<'topic'>;

  constructor(topics: ViewTopics, { logger, metrics }: Pick<FollowerEnvironment, 'logger' | 'metrics'>) {
    this.#topics = topics;
    this.#logger = logger;
    this.#undecodable = undecodableRecords(metrics);
  }

  userState(userId: string, row: Buffer | undefined): UserState | undefined {
    const live = (state: ViewState) => userRows.live(userRows.fromViewState(state));
    return this.#read('user-features-1', userId, row, (bytes) =>
      live(this.#topics['user-features-1'].value.decode(bytes)),
    );
  }

  itemState(itemId: string, row: Buffer | undefined): ItemState | undefined {
    const live = (state: ViewState) => itemRows.live(itemRows.fromViewState(state));
    return this.#read('item-features-1', itemId, row, (bytes) =>
      live(this.#topics['item-features-1'].value.decode(bytes)),
    );
  }

  profile(userId: string, row: Buffer | undefined): Profile | null {
    return this.#read('users', userId, row, (bytes) => this.#topics.users.value.decode(bytes)) ?? null;
  }

  /** Counts a row that is none, for the reason `err`. */
  leaveOut(topic: keyof ViewTopics, key: string, err: unknown): void {
    this.#undecodable.inc({ topic });
    this.#logger.error({ err, topic, key: hashUser(key) }, 'a row could not be decoded and is left out');
  }

  #read<T>(
    topic: keyof ViewTopics,
    key: string,
    row: Buffer | undefined,
    decode: (row: Buffer) => T,
  ): T | undefined {
    if (row === undefined) return undefined;
    try {
      return decode(row);
    } catch (err) {
      if (!(err instanceof MillraceError) || err instanceof InvariantError) throw err;
      this.leaveOut(topic, key, err);
      return undefined;
    }
  }
}
