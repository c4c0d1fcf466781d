import { type Counter, hashUser, InvariantError, type Logger, MillraceError } from '#platform';
import { type FollowerEnvironment, undecodableRecords } from '../topic-follower.ts';
import type { StoredView } from './stored-views.ts';

/** Makes states and records of encoded rows. A damaged row is none: one answer is poorer, and that is counted. */
export class RowDecoder {
  readonly #logger: Logger;
  readonly #undecodable: Counter<'topic'>;

  constructor({ logger, metrics }: Pick<FollowerEnvironment, 'logger' | 'metrics'>) {
    this.#logger = logger;
    this.#undecodable = undecodableRecords(metrics);
  }

  row(view: StoredView, key: string, row: Buffer | undefined): unknown {
    return row === undefined ? undefined : this.attempt(view.topic.name, key, () => view.decode(row));
  }

  /** What `decode` makes of something on a topic; undefined where it can't be decoded. */
  attempt<T>(topic: string, key: string, decode: () => T): T | undefined {
    try {
      return decode();
    } catch (err) {
      if (!(err instanceof MillraceError) || err instanceof InvariantError) throw err;
      this.leaveOut(topic, key, err);
      return undefined;
    }
  }

  /** Counts a row that is none, for the reason `err`. */
  leaveOut(topic: string, key: string, err: unknown): void {
    this.#undecodable.inc({ topic });
    this.#logger.error({ err, topic, key: hashUser(key) }, 'an undecodable row is skipped');
  }
}
