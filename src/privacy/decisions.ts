import type { PrivacyStatus, UserPrivacy } from '#schemas';

/** What users have decided, as far as the records of topic `privacy` are noted, each partition's in their order. */
export class Decisions {
  readonly #statuses = new Map<string, PrivacyStatus>();

  /** Not the newest record of each user alone counts: an erasure is final. */
  note({ key, value }: { readonly key: string; readonly value: UserPrivacy | null }): void {
    if (this.#statuses.get(key) === 'erased') return;
    if (value === null || value.status === 'opted_in') this.#statuses.delete(key);
    else this.#statuses.set(key, value.status);
  }

  /**
   * Notes a record that can't be decoded: it may have said that the user opts out, so they count as opted out until their
   * next decision.
   */
  noteUndecodable(key: string): void {
    this.note({ key, value: { user_id: key, status: 'opted_out', ts: 0 } });
  }

  of(userId: string): PrivacyStatus {
    return this.#statuses.get(userId) ?? 'opted_in';
  }

  /** Who is not opted in: they have opted out, or were erased. */
  get excluded(): ReadonlySet<string> {
    return new Set(this.#statuses.keys());
  }
}
