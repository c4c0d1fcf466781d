import { currentRecords, TopicReader } from '#engine';
import { FencedWriter, type ProducerRecord } from '#log';
import { vectorBytes, vectorOf } from '#models';
import { readRegistry } from '#offline';
import { errorCode, InputError, type Logger, MillraceError } from '#platform';
import { versionInForce } from '#processors';
import type { ItemVector, Version } from '#schemas';
import { isFault } from '../refusals.ts';
import type { TrainerOptions } from '../trainer-options.ts';
import { startEmbedding } from './embedding.ts';
import type { VectorChange } from './item-embedder.ts';

/** Every writer of item vectors writes under this id, so that whoever holds the trainer's place fences those before. */
const TRANSACTIONAL_ID = 'item-vectors';
const POLL_MS = 500;
const RETRY_MS = 10_000;
/** Promotions whose vectors are kept: the version in force, and the one that a rollback returns to. */
const KEPT = 2;

/**
 * Keeps topic `item-vectors`: as the catalogue changes, it embeds what is new or described otherwise by the item tower of
 * the version in force, and writes the vectors that differ from those that the version came with. After each promotion it
 * goes through the whole catalogue. What was written before a crash is known from the topic, and not written again.
 */
export class ItemVectors {
  readonly #options: TrainerOptions;
  readonly #writer: FencedWriter;
  readonly #versions: TopicReader<string, Version>;

  private constructor(options: TrainerOptions, writer: FencedWriter, versions: TopicReader<string, Version>) {
    this.#options = options;
    this.#writer = writer;
    this.#versions = versions;
  }

  static async open(options: TrainerOptions): Promise<ItemVectors> {
    const { log, topics } = options;
    const [writer, versions] = await FencedWriter.openAndRead(log, TRANSACTIONAL_ID, () =>
      TopicReader.open(log, topics.versions, { from: 'end' }),
    );
    return new ItemVectors(options, writer, versions);
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    let isChanged = true;
    while (!signal.aborted) {
      if (!isChanged) {
        isChanged = (await this.#versions.poll(POLL_MS)).length > 0;
        continue;
      }
      isChanged = false;
      const registry = await readRegistry(this.#options);
      const written = await readWritten(this.#options);
      await this.#forgetAllBut(registry.promotions.retrieval.slice(-KEPT), written);
      const inForce = versionInForce(registry, 'retrieval');
      if (inForce === undefined) continue;
      try {
        await this.#follow(inForce, written.get(inForce.version) ?? [], signal);
        isChanged = true;
      } catch (error) {
        if (!(error instanceof MillraceError) || isFault(error)) throw error;
        // A model without an item tower is no failure: its items come with the next version.
        if (errorCode(error) === 'MR_REINDEX_MODEL') continue;
        logger.error({ version: inForce.version, err: error }, 'new items get no vectors; trying again');
        // Its files may be copied here, as those who answer with it wait for too.
        await clock.sleep(RETRY_MS, signal);
        isChanged = true;
      }
    }
  }

  async close(): Promise<void> {
    await this.#versions.close();
    await this.#writer.close();
  }

  /** Embeds the catalogue and its changes until another version is in force; `written` is what the topic has of this one. */
  async #follow(
    { version, candidate }: Version,
    written: readonly VectorChange[],
    signal: AbortSignal,
  ): Promise<void> {
    const { log, topics, logger } = this.#options;
    const thread = await startEmbedding(this.#options, candidate.directory, 'trained');
    try {
      await thread.call('note', written);
      const items = await TopicReader.open(log, topics.items, {
        from: 'start',
        onUndecodable: (at, err) => logger.error({ ...at, err }, 'an undecodable record is skipped'),
      });
      try {
        while (!signal.aborted) {
          const records = await items.poll(POLL_MS);
          const changed = records.map(({ key, value }) => ({ id: key, item: value }));
          if (changed.length > 0) await this.#write(version, await thread.call('changes', changed));
          if (await this.#isReplaced(version)) return;
        }
      } finally {
        await items.close();
      }
    } finally {
      await thread.stop();
    }
  }

  /** Whether another version is in force by now: most steps of versions leave the one that is. */
  async #isReplaced(version: string): Promise<boolean> {
    if ((await this.#versions.poll(0)).length === 0) return false;
    return versionInForce(await readRegistry(this.#options), 'retrieval')?.version !== version;
  }

  async #write(version: string, changes: readonly VectorChange[]): Promise<void> {
    if (changes.length === 0) return;
    const { clock, topics } = this.#options;
    const ts = clock.now();
    const records = changes.map(({ id, vector }): ProducerRecord => {
      const stored = { version, item_id: id, ts, vector: vector && vectorBytes(vector) };
      const value = topics['item-vectors'].value.encode(stored);
      return { key: Buffer.from(keyOf(version, id)), value, timestamp: ts };
    });
    await this.#append(records);
  }

  /** A version that nothing returns to has no use for its vectors. */
  async #forgetAllBut(kept: readonly string[], written: Written): Promise<void> {
    const timestamp = this.#options.clock.now();
    for (const [version, items] of written) {
      if (kept.includes(version)) continue;
      await this.#append(
        items.map(({ id }) => ({ key: Buffer.from(keyOf(version, id)), value: null, timestamp })),
      );
    }
  }

  async #append(records: ProducerRecord[]): Promise<void> {
    const { name: topic } = this.#options.topics['item-vectors'];
    await this.#writer.write({ appends: [{ topic, partition: 0, records }] });
  }
}

const keyOf = (version: string, id: string) => `${version} ${id}`;

/** What the topic has, by version. */
type Written = ReadonlyMap<string, readonly VectorChange[]>;

async function readWritten({ log, topics, logger }: TrainerOptions): Promise<Written> {
  const written = new Map<string, VectorChange[]>();
  for (const { value } of (await currentRecords(log, topics['item-vectors'], 'by-first')).values()) {
    const items = written.get(value.version) ?? [];
    items.push({ id: value.item_id, vector: readable(value, logger) });
    written.set(value.version, items);
  }
  return written;
}

/** A vector that can't be read counts as none, so that the item gets another one. */
function readable({ item_id: item, version, vector }: ItemVector, logger: Logger): Float32Array | null {
  try {
    return vector && vectorOf(vector);
  } catch (err) {
    if (!(err instanceof InputError)) throw err;
    logger.error({ err, version, item }, 'a vector on the topic is unfit');
    return null;
  }
}
