/**
 * The process's one writer: a worker thread that holds the connection which writes. It takes what has gathered on
 * its ports, commits all of it in one SQLite transaction, and answers when it is durable. It may block while another
 * process holds the lock; the threads that it serves never do.
 *
 * It does not use the platform's `serveCalls`: a group takes in what lies on all ports while it holds the lock, its replies
 * go out in one message a port, and the batches' memory goes back with them.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  threadId,
  workerData,
} from 'node:worker_threads';
import { invariant, MillraceError, type Reply, systemClock, toFailure } from '#platform';
import type { EncodedBatch } from '../batch.ts';
import { openForWriting, translateSqliteError } from './database.ts';
import type { Control, FromWriter, Notice, ToWriter, WriteRequest, WriterOptions } from './messages.ts';
import { WriteLock } from './write-lock.ts';
import { Writer } from './writer.ts';

/** A group commit ends with the request that passes this many bytes, so that other processes get their turn. */
const GROUP_BYTES = 4 * 1024 * 1024;
/** Bytes written between two checkpoints, and the size of the WAL that is no longer tolerated. */
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;
/** What a small commit adds to the WAL, roughly: the pages of the records' and the partitions' trees. */
const COMMIT_OVERHEAD_BYTES = 24 * 1024;

type Waiting = { readonly port: MessagePort; readonly message: ToWriter };
type Answer = { readonly replies: Reply[]; readonly memory: ArrayBuffer[] };

class WriterThread {
  readonly #parent: MessagePort;
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #writer: Writer;
  readonly #lock: WriteLock;
  readonly #commitStatement: StatementSync;
  readonly #commits = new Int32Array(new SharedArrayBuffer(4));
  readonly #ports = new Set<MessagePort>();
  #queue: Waiting[] = [];
  #closing = false;
  #written = 0;

  constructor(parent: MessagePort, { directory, synchronous }: WriterOptions) {
    this.#parent = parent;
    this.#path = join(directory, 'log.sqlite');
    this.#database = openForWriting(directory, synchronous);
    this.#writer = new Writer(this.#database);
    this.#commitStatement = this.#database.prepare('COMMIT');
    this.#lock = new WriteLock(
      directory,
      this.#database,
      { pid: process.pid, thread: threadId },
      systemClock,
      (report) => this.#notify({ kind: 'lock', report }),
    );
    parent.on('message', (control: Control) => {
      this.#control(control);
      this.#work();
    });
    this.#notify({ kind: 'ready' });
  }

  #notify(notice: Notice): void {
    this.#parent.postMessage(notice);
  }

  #control(control: Control): void {
    if (control.kind === 'close') {
      this.#closing = true;
      return;
    }
    const port = control.port as unknown as MessagePort;
    this.#ports.add(port);
    port.on('close', () => this.#ports.delete(port));
    port.on('message', (message: ToWriter) => {
      this.#queue.push({ port, message });
      this.#work();
    });
    port.postMessage({ kind: 'hello', commits: this.#commits } satisfies FromWriter);
  }

  /** Takes in what has arrived, without waiting for the event loop. */
  #drain(): void {
    for (const port of this.#ports) {
      for (
        let received = receiveMessageOnPort(port);
        received !== undefined;
        received = receiveMessageOnPort(port)
      ) {
        this.#queue.push({ port, message: received.message as ToWriter });
      }
    }
    for (
      let c = receiveMessageOnPort(this.#parent);
      c !== undefined;
      c = receiveMessageOnPort(this.#parent)
    ) {
      this.#control(c.message as Control);
    }
  }

  #work(): void {
    for (this.#drain(); this.#queue.length > 0; this.#drain()) {
      this.#commitGroup();
      this.#checkpoint();
    }
    if (this.#closing) this.#close();
  }

  #commitGroup(): void {
    let group: Waiting[] = [];
    const failure = this.#commit(() => {
      this.#drain();
      group = this.#take();
      return group;
    });
    if (failure === undefined) return;
    if (group.length === 0) group = this.#take();
    if (group.length === 1) this.#fail(group[0] as Waiting, failure.error);
    else {
      // Nothing of the group was committed. Each goes alone, so that one does not fail its neighbours.
      for (const waiting of group) {
        const alone = this.#commit(() => [waiting]);
        if (alone !== undefined) this.#fail(waiting, alone.error);
      }
    }
  }

  /** Commits what `take` gives once the lock is held, and answers; when that fails, nothing is written or answered. */
  #commit(take: () => readonly Waiting[]): { readonly error: unknown } | undefined {
    try {
      const answers = new Map<MessagePort, Answer>();
      this.#lock.acquire();
      try {
        const group = take();
        this.#writer.begin();
        for (const { port, message } of group) {
          const answer = answers.get(port) ?? { replies: [], memory: [] };
          answers.set(port, answer);
          answer.replies.push(this.#execute(message));
          for (const { bytes } of batchesOf(message.request)) answer.memory.push(bytes.buffer);
        }
        this.#writer.finish();
        this.#commitStatement.run();
      } finally {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        this.#lock.release();
      }
      this.#answer(answers);
      return undefined;
    } catch (error) {
      this.#writer.forget();
      return { error };
    }
  }

  #fail({ port, message }: Waiting, error: unknown): void {
    const failure = toFailure(translateSqliteError(this.#path, error));
    const replies = [{ id: message.id, failure }];
    port.postMessage({ kind: 'replies', replies, memory: [] } satisfies FromWriter);
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && bytes < GROUP_BYTES) {
      bytes += requestBytes((this.#queue[count] as Waiting).message.request);
      count++;
    }
    this.#written += bytes + COMMIT_OVERHEAD_BYTES;
    return this.#queue.splice(0, count);
  }

  #execute({ id, request }: ToWriter): Reply {
    try {
      return { id, value: this.#writer.execute(request) };
    } catch (error) {
      // A refusal concerns this request alone; an error of SQLite concerns the whole group.
      if (!(error instanceof MillraceError)) throw error;
      return { id, failure: toFailure(error) };
    }
  }

  #answer(answers: ReadonlyMap<MessagePort, Answer>): void {
    for (const [port, { replies, memory }] of answers)
      port.postMessage({ kind: 'replies', replies, memory } satisfies FromWriter, memory);
    Atomics.add(this.#commits, 0, 1);
    Atomics.notify(this.#commits, 0);
  }

  /**
   * Writers that never pause keep a passive checkpoint from ever reaching the end of the WAL, which then grows; above
   * the limit one checkpoint holds the writers off until it is through.
   */
  #checkpoint(): void {
    if (this.#written < CHECKPOINT_BYTES) return;
    this.#written = 0;
    try {
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
      const size = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
      if (size < WAL_LIMIT_BYTES) return;
      this.#database.exec(
        'PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = 0',
      );
    } catch (error) {
      // All is safe in the WAL, which goes on growing until a later checkpoint succeeds.
      this.#notify({
        kind: 'checkpoint-failed',
        failure: toFailure(translateSqliteError(this.#path, error)),
      });
    }
  }

  #close(): void {
    for (const port of this.#ports) {
      port.postMessage({ kind: 'closed' } satisfies FromWriter);
      port.close();
    }
    this.#ports.clear();
    this.#database.close();
    this.#lock.close();
    this.#parent.close();
  }
}

function batchesOf(request: WriteRequest): readonly EncodedBatch[] {
  if (request.kind === 'append') return request.append.batches;
  return request.kind === 'transaction' ? request.appends.flatMap(({ batches }) => batches) : [];
}

function requestBytes(request: WriteRequest): number {
  let bytes = 0;
  for (const batch of batchesOf(request)) bytes += batch.bytes.length;
  if (request.kind === 'rewrite') for (const { batch } of request.rewrites) bytes += batch?.length ?? 0;
  return bytes;
}

const parent = parentPort;
invariant(parent !== null, 'writer-thread.ts runs as a worker thread');
try {
  new WriterThread(parent, workerData as WriterOptions);
} catch (error) {
  const path = join((workerData as WriterOptions).directory, 'log.sqlite');
  parent.postMessage({
    kind: 'failed',
    failure: toFailure(translateSqliteError(path, error)),
  } satisfies Notice);
}
