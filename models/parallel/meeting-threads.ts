import { type MessagePort, workerData } from 'node:worker_threads';
import { serveCalls, type Thread } from '#platform';
import { attend, type Compute, meet, meetingOf } from './meeting.ts';
import { furtherThread, type Start, whenReady } from './shard-threads.ts';

type Attendance = { attend(): void };
type MeetingThreadData<Setup> = {
  readonly setup: Setup;
  readonly words: Int32Array;
  readonly thread: number;
  /** To the thread that steps; closed when that has ended. */
  readonly port: MessagePort;
};

/** As `ShardThreads`, for steps too short for messages: see `meeting.ts`. */
export class MeetingThreads {
  readonly #compute: Compute;
  readonly #others: readonly Thread<Attendance>[];
  readonly #words: Int32Array;
  readonly #failed = Promise.withResolvers<never>();
  #hasFailed = false;

  private constructor(compute: Compute, others: readonly Thread<Attendance>[], words: Int32Array) {
    this.#compute = compute;
    this.#others = others;
    this.#words = words;
    this.#failed.promise.catch(() => {});
  }

  /** `compute` is that of the calling thread. Rejects with the error of a thread that can't begin. */
  static async start(compute: Compute, { entry, setup, threads, host }: Start): Promise<MeetingThreads> {
    const words = meetingOf(threads - 1);
    const others = Array.from({ length: threads - 1 }, (_, thread) =>
      furtherThread<Attendance>(entry, { setup, words, thread }, host),
    );
    return whenReady(new MeetingThreads(compute, others, words), others);
  }

  /** Rejects with the error of a thread that failed, as do all later steps; FatalError MR_TRAINING_THREAD for one that has ended by itself. */
  step(shards: number): Promise<void> {
    if (this.#hasFailed) return this.#failed.promise;
    return meet(this.#words, shards, {
      compute: this.#compute,
      ask: (thread) => {
        this.#others[thread]?.call('attend').catch((error) => {
          this.#hasFailed = true;
          this.#failed.reject(error);
        });
      },
      failed: this.#failed.promise,
    });
  }

  /** Resolves when all threads have ended. */
  async close(): Promise<void> {
    await Promise.all(this.#others.map((thread) => thread.stop()));
  }
}

/** The thread's side. It ends when told to, or when nobody is left to tell it. */
export function serveMeeting<Setup>(open: (setup: Setup) => Compute): Promise<void> {
  const { setup, words, thread, port } = workerData as MeetingThreadData<Setup>;
  return serveCalls<Attendance, void>(port, async () => {
    const compute = open(setup);
    return { answers: { attend: () => attend(words, thread, compute) }, ready: undefined };
  });
}
