import { type Topic, TopicReader } from '#engine';
import type { Log } from '#log';
import type { AnswerContents, AnswerOutcomes } from '#schemas';
import type { Topics } from '#topologies';

export type QualityTopics = Pick<Topics, 'answer-outcomes' | 'answer-contents'>;

/** The rows of one topic, as far as they have been read. */
class Followed<V> {
  readonly rows = new Map<string, V>();
  readonly #reader: TopicReader<string, V>;

  private constructor(reader: TopicReader<string, V>) {
    this.#reader = reader;
  }

  static async open<V>(log: Log, topic: Topic<string, V>): Promise<Followed<V>> {
    return new Followed(await TopicReader.open(log, topic, { from: 'start' }));
  }

  async readOn(): Promise<void> {
    for await (const records of this.#reader.untilEnd()) {
      for (const { key, value } of records) {
        if (value === null) this.rows.delete(key);
        else this.rows.set(key, value);
      }
    }
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

/** What the log says of the quality of answers: the rows of the last seven days, held in memory. */
export class QualityRows {
  readonly #outcomes: Followed<AnswerOutcomes>;
  readonly #contents: Followed<AnswerContents>;
  #refreshing: Promise<void> | undefined;

  private constructor(outcomes: Followed<AnswerOutcomes>, contents: Followed<AnswerContents>) {
    this.#outcomes = outcomes;
    this.#contents = contents;
  }

  /** Nothing is read before `refresh`. */
  static async open(log: Log, topics: QualityTopics): Promise<QualityRows> {
    const outcomes = await Followed.open(log, topics['answer-outcomes']);
    return new QualityRows(outcomes, await Followed.open(log, topics['answer-contents']));
  }

  get outcomes(): Iterable<AnswerOutcomes> {
    return this.#outcomes.rows.values();
  }

  get contents(): Iterable<AnswerContents> {
    return this.#contents.rows.values();
  }

  /** Reads what has been written since the last one. Errors: those of TopicReader.poll. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async close(): Promise<void> {
    await this.#refreshing?.catch(() => {});
    await Promise.all([this.#outcomes.close(), this.#contents.close()]);
  }

  async #refresh(): Promise<void> {
    await this.#outcomes.readOn();
    await this.#contents.readOn();
  }
}
