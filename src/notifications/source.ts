import {
  type ActivePlace,
  deadLetterHeaders,
  deadLetterOf,
  type Topic,
  TopicReader,
  type TopicRecord,
  writeRecords,
} from '#engine';
import type { Log } from '#log';
import type { InputError } from '#platform';
import type { Topics } from '#topologies';
import type { Notice } from './notice.ts';

/** A record, with what is told of it. */
export type Told = {
  /** Undefined where nobody is told. */
  readonly notice: Notice | undefined;
  /** Keeps it where people look for what could not be delivered. */
  bury(error: InputError): Promise<void>;
  /** It is done with. */
  commit(): Promise<void>;
};

export type SourceOptions = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'dead-letters'>;
  readonly group: string;
  readonly place: ActivePlace;
};

/** A topic whose records others are told of. */
export class Source<V> {
  readonly #options: SourceOptions;
  readonly #topic: Topic<string, V>;
  readonly #reader: TopicReader<string, V>;
  readonly #noticeOf: (value: V) => Notice | undefined;

  private constructor(
    options: SourceOptions,
    topic: Topic<string, V>,
    reader: TopicReader<string, V>,
    noticeOf: (value: V) => Notice | undefined,
  ) {
    this.#options = options;
    this.#topic = topic;
    this.#reader = reader;
    this.#noticeOf = noticeOf;
  }

  /** Goes on where the group has come; its first member begins at the end, or the whole past would be news. */
  static async open<V>(
    options: SourceOptions,
    topic: Topic<string, V>,
    noticeOf: (value: V) => Notice | undefined,
  ): Promise<Source<V>> {
    const reader = await TopicReader.open(options.log, topic, { from: await begin(options, topic.name) });
    return new Source(options, topic, reader, noticeOf);
  }

  async poll(timeoutMs: number): Promise<readonly Told[]> {
    return (await this.#reader.poll(timeoutMs)).map((record) => ({
      notice: record.value === null ? undefined : this.#noticeOf(record.value),
      bury: (error) => this.#bury(record, error),
      commit: () =>
        this.#options.place.commit([{ topic: this.#topic.name, partition: 0, offset: record.offset + 1 }]),
    }));
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  async #bury(record: TopicRecord<string, V>, error: InputError): Promise<void> {
    const { log, topics, group } = this.#options;
    const value = deadLetterOf(this.#topic, record, group, error);
    const headers = deadLetterHeaders(value, error);
    await writeRecords(log, topics['dead-letters'], [
      { key: this.#topic.name, value, timestamp: record.timestamp, headers },
    ]);
  }
}

async function begin({ log, group, place }: SourceOptions, topic: string): Promise<readonly number[]> {
  const at = { topic, partition: 0 };
  const [committed] = await log.committedOffsets(group, [at]);
  if (committed != null) return place.positions([at]);
  const [described] = await log.describeTopics([topic]);
  const offset = described?.offsets[0]?.stable ?? 0;
  await place.commit([{ ...at, offset }]);
  return [offset];
}
