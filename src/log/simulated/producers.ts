import { errorCode } from '#platform';
import { commitInProgress, logClosed } from '../errors.ts';
import type {
  Appended,
  GroupMetadata,
  OffsetCommit,
  Producer,
  Records,
  TransactionalProducer,
} from '../port.ts';
import { encodeBatches } from '../record-buffer.ts';
import type { Broker } from './broker.ts';
import type { Client } from './client.ts';

const RETRY_MS = 20;

/** A request of `producer` that the broker obeys once. */
function numbered<T>(
  producer: object,
  number: number,
  request: (broker: Broker) => T,
): (broker: Broker) => T {
  return (broker) => broker.once({ producer, number }, () => request(broker));
}

export class SimulatedProducer implements Producer {
  readonly #client: Client;
  #last: Promise<unknown> = Promise.resolve();
  #requests = 0;
  #closed = false;

  constructor(client: Client) {
    this.#client = client;
  }

  async append(topic: string, partition: number, records: Records): Promise<Appended> {
    if (this.#closed) throw logClosed();
    const batches = encodeBatches(records);
    const request = numbered(this, this.#requests++, (broker) =>
      broker.append({ topic, partition }, batches),
    );
    const append = () => this.#client.call(request);
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
  #requests = 0;
  #failure: { readonly error: unknown } | undefined;
  #ending = false;
  #closed = false;

  constructor(client: Client, transactionalId: string, epoch: number) {
    this.#client = client;
    this.#id = transactionalId;
    this.#epoch = epoch;
  }

  append(topic: string, partition: number, records: Records): void {
    this.#assertIdle();
    const batches = encodeBatches(records);
    if (batches.length === 0) return;
    this.#send((broker) => broker.appendTo(this.#id, this.#epoch, { topic, partition }, batches));
  }

  sendOffsets({ group, memberId, generation }: GroupMetadata, offsets: readonly OffsetCommit[]): void {
    this.#assertIdle();
    const metadata = { group, memberId, generation };
    const copies = [...offsets];
    this.#send((broker) => broker.sendOffsets(this.#id, this.#epoch, metadata, copies));
  }

  /** One after the other; the first failure dooms the transaction. */
  #send(request: (broker: Broker) => void): void {
    const call = numbered(this, this.#requests++, request);
    this.#sent = this.#sent.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        await this.#client.call(call);
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

  /** Asks until there is an answer: what has become of a transaction must be known. */
  async #endTransaction(outcome: 'committed' | 'aborted'): Promise<readonly Appended[]> {
    const end = numbered(this, this.#requests++, (broker) =>
      broker.endTransaction(this.#id, this.#epoch, outcome),
    );
    for (;;) {
      try {
        return await this.#client.call(end);
      } catch (error) {
        if (errorCode(error) !== 'MR_LOG_UNAVAILABLE') throw error;
      }
      await this.#client.changed(RETRY_MS, this.#client.ended);
    }
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
