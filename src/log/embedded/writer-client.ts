import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { FatalError, type Logger, PendingCalls, toError } from '#platform';
import { logClosed } from '../errors.ts';
import { giveMemory } from '../memory.ts';
import type { Control, FromWriter, Notice, ToWriter, WriteRequest, WriterOptions } from './messages.ts';
import type { LockReport } from './write-lock.ts';

export type Warn = Pick<Logger, 'warn'>;

/** This thread's hold of a process's writer thread; the last one to let go ends it. */
export class SharedWriter {
  static readonly #open = new Map<string, SharedWriter>();

  readonly #key: string;
  readonly #worker: Worker;
  readonly #ready: Promise<void>;
  readonly #loggers = new Set<Warn>();
  #users = 0;

  /** The writer of that directory, started where this thread has none yet. Rejects when the file can't be opened. */
  static async of(options: WriterOptions, logger: Warn | undefined): Promise<SharedWriter> {
    const key = `${options.synchronous} ${options.directory}`;
    let writer = SharedWriter.#open.get(key);
    if (writer === undefined) {
      writer = new SharedWriter(key, options);
      SharedWriter.#open.set(key, writer);
    }
    writer.#users++;
    if (logger !== undefined) writer.#loggers.add(logger);
    await writer.#ready;
    return writer;
  }

  private constructor(key: string, options: WriterOptions) {
    this.#key = key;
    this.#worker = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: options });
    this.#ready = new Promise((resolve, reject) => {
      const failed = (error: unknown) => {
        SharedWriter.#open.delete(key);
        reject(error);
      };
      this.#worker.on('message', (notice: Notice) => {
        if (notice.kind === 'ready') {
          // An open log alone does not keep its process alive; a call under way does (see WriterConnection).
          this.#worker.unref();
          resolve();
        } else if (notice.kind === 'failed') failed(toError(notice.failure));
        else if (notice.kind === 'lock') this.#report(notice.report);
        else
          this.#warn(
            { code: notice.failure.code },
            `the log could not be checkpointed: ${notice.failure.message}`,
          );
      });
      this.#worker.once('error', (error: Error) =>
        failed(
          new FatalError('MR_LOG_WRITER_FAILED', `the log's writer thread ended: ${error.message}`, {
            cause: error,
          }),
        ),
      );
      this.#worker.once('exit', () => failed(logClosed()));
    });
    this.#ready.catch(() => {});
  }

  #warn(fields: object, message: string): void {
    for (const logger of this.#loggers) logger.warn(fields, message);
  }

  #report(report: LockReport): void {
    const fields = { code: 'MR_LOG_LOCK_HELD', waitedMs: Math.round(report.waitedMs) };
    if (report.kind === 'obtained') {
      this.#warn(fields, 'the write lock of the log was obtained');
      return;
    }
    const { holder } = report;
    this.#warn(
      { ...fields, holder },
      holder === undefined
        ? 'a process that is not Millrace holds the write lock of the log'
        : `process ${holder} holds the write lock of the log; if it is suspended, resume or end it`,
    );
  }

  /** A port to the writer, to be used in this thread or to be sent to another one of this process. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#worker.postMessage(
      { kind: 'connect', port: port1 as unknown as globalThis.MessagePort } satisfies Control,
      [port1],
    );
    return port2;
  }

  /** Resolves when the writer has committed what it had received and, for the last user, has ended. */
  async release(logger: Warn | undefined): Promise<void> {
    if (logger !== undefined) this.#loggers.delete(logger);
    if (--this.#users > 0) return;
    SharedWriter.#open.delete(this.#key);
    this.#worker.ref();
    const exit = once(this.#worker, 'exit');
    this.#worker.postMessage({ kind: 'close' } satisfies Control);
    await exit;
  }
}

/** Sends requests to a writer thread and hands out its replies. */
export class WriterConnection {
  readonly #port: MessagePort;
  readonly #calls = new PendingCalls();
  readonly #idle: (() => void)[] = [];
  #closed = false;
  /** Counts the commits of this process; see CommitWatch. */
  readonly commits: Int32Array;

  /** Rejects with MR_LOG_CLOSED when the writer has gone. */
  static open(port: MessagePort): Promise<WriterConnection> {
    return new Promise((resolve, reject) => {
      port.once('message', (hello: FromWriter) => {
        if (hello.kind === 'hello') resolve(new WriterConnection(port, hello.commits));
        else reject(logClosed());
      });
      port.once('close', () => reject(logClosed()));
    });
  }

  private constructor(port: MessagePort, commits: Int32Array) {
    this.#port = port;
    this.commits = commits;
    port.on('message', (message: FromWriter) => {
      if (message.kind === 'replies') this.#settle(message);
      else if (message.kind === 'closed') this.#end();
    });
    port.on('close', () => this.#end());
    port.unref();
  }

  #settle({ replies, memory }: FromWriter & { kind: 'replies' }): void {
    for (const each of memory) giveMemory(each);
    for (const reply of replies) this.#calls.settle(reply);
    if (this.#calls.size === 0) this.#becomeIdle();
  }

  #becomeIdle(): void {
    this.#port.unref();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #end(): void {
    this.#closed = true;
    this.#calls.end(logClosed());
    this.#becomeIdle();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The reply's type is the one named beside the request in messages.ts. `given`: bytes of the request that the caller
   * has no more use for, which are handed over and not copied.
   */
  request<T>(request: WriteRequest, given: ArrayBuffer[] = []): Promise<T> {
    if (this.#closed) return Promise.reject(logClosed());
    return this.#calls.call((id) => {
      this.#port.postMessage({ id, request } satisfies ToWriter, given);
      if (this.#calls.size === 0) this.#port.ref();
    });
  }

  /** Refuses new requests; resolves when those under way are answered. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#calls.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#port.close();
  }
}
