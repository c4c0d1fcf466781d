import { encodeBatches } from '../batch.ts';
import { commitInProgress, logClosed } from '../errors.ts';
import type {
  Appended,
  GroupMetadata,
  OffsetCommit,
  Producer,
  ProducerRecord,
  TransactionalProducer,
} from '../port.ts';
import type { Client } from './client.ts';

export class SimulatedProducer implements Producer {
  readonly #client: Client;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(client: Client) {
    this.#client = client;
  }

  async append(topic: string, partition: number, records: readonly ProducerRecord[]): Promise<Appended> {
    if (this.#closed) throw logClosed();
    const batches = encodeBatches(records);
    const append = () => this.#client.call((broker) => broker.append({ topic, partition }, batches));
    const appended = this.#last.then(append, append);
    this.#last = appended.catch(() => {});
    return appended;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }
}

/** Sends as it goes, as Kafka's does: what is appended lies in the log before anybody knows how it ends. */
export class SimulatedTransactionalProducer implements TransactionalProducer {
  readonly #client: Client;
  readonly #id: string;
  readonly #epoch: number;
  #sent: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #ending = false;
  #closed = false;

  constructor(client: Client, transactionalId: string, epoch: number) {
    this.#client = client;
    this.#id = transactionalId;
    this.#epoch = epoch;
  }

  append(topic: string, partition: number, records: readonly ProducerRecord[]): void {
    this.#assertIdle();
    const batches = encodeBatches(records);
    if (batches.length === 0) return;
    this.#send(() =>
      this.#client.call((broker) => broker.appendTo(this.#id, this.#epoch, { topic, partition }, batches)),
    );
  }

  sendOffsets({ group, memberId, generation }: GroupMetadata, offsets: readonly OffsetCommit[]): void {
    this.#assertIdle();
    const metadata = { group, memberId, generation };
    const copies = [...offsets];
    this.#send(() =>
      this.#client.call((broker) => broker.sendOffsets(this.#id, this.#epoch, metadata, copies)),
    );
  }

  /** One after the other; the first failure dooms the transaction. */
  #send(request: () => Promise<void>): void {
    this.#sent = this.#sent.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        await request();
      } catch (error) {
        this.#failure = { error };
      }
    });
  }

  async commit(): Promise<readonly Appended[]> {
    this.#assertIdle();
    return this.#end(async () => {
      const failure = this.#failure;
      if (failure === undefined) return this.#endTransaction('committed');
      await this.#endTransaction('aborted').catch(() => {});
      throw failure.error;
    });
  }

  async abort(): Promise<void> {
    this.#assertIdle();
    await this.#end(() => this.#endTransaction('aborted'));
  }

  #endTransaction(outcome: 'committed' | 'aborted'): Promise<readonly Appended[]> {
    return this.#client.call((broker) => broker.endTransaction(this.#id, this.#epoch, outcome));
  }

  async #end<T>(work: () => Promise<T>): Promise<T> {
    this.#ending = true;
    try {
      await this.#sent;
      return await work();
    } finally {
      this.#failure = undefined;
      this.#ending = false;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#sent;
    // A fenced producer has nothing left to abort, and one of a closed log leaves it to the transaction's timeout.
    await this.#endTransaction('aborted').catch(() => {});
  }

  #assertIdle(): void {
    if (this.#closed || this.#client.closed) throw logClosed();
    if (this.#ending) throw commitInProgress(this.#id);
  }
}
