import { RetryableError } from '#platform';

/** Users of one transaction. */
const WRITTEN_AT_ONCE = 5_000;
/** New users who may wait for the log; more are refused at once. */
const MOST_WAITING = 50_000;

type Names = ReadonlyMap<string, string>;

/** Resolves with the names by user id; calls `seal` when no further user can come along. */
type WriteUsers = (userIds: ReadonlySet<string>, seal: () => void) => Promise<Names>;

/** New users who wait for one transaction together. */
type Batch = { readonly userIds: Set<string>; readonly named: Promise<Names> };

/** New users are named in batches: those who come while one is being written share the next. */
export class NewUsers {
  readonly #write: WriteUsers;
  #batch: Batch | undefined;
  #waiting = 0;

  constructor(write: WriteUsers) {
    this.#write = write;
  }

  /** Errors: MR_PRIVACY_VAULT_BUSY if too many wait already; those of writing. */
  async name(userIds: ReadonlySet<string>): Promise<Names> {
    const { size } = userIds;
    if (this.#waiting > 0 && this.#waiting + size > MOST_WAITING) throw tooMany(this.#waiting);
    this.#waiting += size;
    try {
      return await (size <= WRITTEN_AT_ONCE ? this.#inBatch(userIds) : this.#inParts(userIds));
    } finally {
      this.#waiting -= size;
    }
  }

  #inBatch(userIds: ReadonlySet<string>): Promise<Names> {
    const current = this.#batch;
    if (current !== undefined && current.userIds.size + userIds.size <= WRITTEN_AT_ONCE) {
      for (const userId of userIds) current.userIds.add(userId);
      return current.named;
    }
    const batch: Batch = {
      userIds: new Set(userIds),
      named: Promise.resolve().then(() => this.#written(batch)),
    };
    batch.named.catch(() => {});
    this.#batch = batch;
    return batch.named;
  }

  async #inParts(userIds: ReadonlySet<string>): Promise<Names> {
    const names = new Map<string, string>();
    const ids = [...userIds];
    for (let from = 0; from < ids.length; from += WRITTEN_AT_ONCE) {
      const part = await this.#inBatch(new Set(ids.slice(from, from + WRITTEN_AT_ONCE)));
      for (const [userId, name] of part) names.set(userId, name);
    }
    return names;
  }

  async #written(batch: Batch): Promise<Names> {
    const seal = () => {
      if (this.#batch === batch) this.#batch = undefined;
    };
    try {
      return await this.#write(batch.userIds, seal);
    } finally {
      seal();
    }
  }
}

function tooMany(waiting: number): RetryableError {
  return new RetryableError('MR_PRIVACY_VAULT_BUSY', `${waiting} new users wait for the log.`, {
    hint: 'Retry in a moment; users who are known are served meanwhile.',
  });
}
