import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../errors.ts';
import { type Answers, type FromThread, HandedOver, type Reply, type ToThread } from './calls.ts';
import { toFailure } from './failure.ts';

/** What a thread does once it has opened what it needs. */
export type Service<A extends Answers, R> = {
  readonly answers: A;
  /** For the starter, with the first message. */
  readonly ready: R;
  /** The thread's own work: it ends with it, and fails with its error. Without, it ends when it is told to stop. */
  readonly run?: () => Promise<void>;
  /** Called when the work is over, or the last call is answered. */
  readonly close?: () => Promise<void>;
};

export type ServedThread<E> = {
  /** Aborts when the thread is to stop, or its starter is gone. */
  readonly stopping: AbortSignal;
  /** One way, to the starter. */
  tell(event: E): void;
};

/** Runs in a worker: opens what the thread needs, then answers. The promise resolves when nothing keeps the thread alive. */
export function serveThread<I, A extends Answers, R, E = never>(
  open: (input: I, thread: ServedThread<E>) => Promise<Service<A, R>>,
): Promise<void> {
  invariant(parentPort !== null, 'this file is the entry of a worker thread');
  return serveCalls<A, R, E>(parentPort, (thread) => open(workerData as I, thread));
}

/**
 * As `serveThread`, over any port. A thread ends by itself and is never terminated: inside the native code of onnxruntime
 * that aborts the process.
 */
export async function serveCalls<A extends Answers, R, E = never>(
  port: MessagePort,
  open: (thread: ServedThread<E>) => Promise<Service<A, R>>,
): Promise<void> {
  const send = (message: FromThread<E, R>) => port.postMessage(message);
  const stop = new AbortController();
  const stopped = new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
  const underWay = new Set<Promise<void>>();
  port.on('message', (message: ToThread) => {
    if (message === 'stop') return stop.abort();
    const answering = answer(message).finally(() => underWay.delete(answering));
    underWay.add(answering);
  });
  port.once('close', () => stop.abort());
  const opening = open({ stopping: stop.signal, tell: (event) => send({ event }) });

  async function answer({ id, name, argument }: Exclude<ToThread, 'stop'>): Promise<void> {
    try {
      const { answers } = await opening;
      const answered: unknown = await answers[name]?.(argument as never);
      const { value, moved } = answered instanceof HandedOver ? answered : { value: answered, moved: [] };
      port.postMessage({ id, value } satisfies Reply, moved);
    } catch (error) {
      send({ id, failure: toFailure(error) });
    }
  }

  try {
    const { ready, run, close } = await opening;
    try {
      send({ ready });
      if (run !== undefined) await run();
      else {
        await stopped;
        await Promise.all(underWay);
      }
    } finally {
      await close?.();
    }
  } catch (error) {
    send({ failed: toFailure(error) });
  } finally {
    port.close();
  }
}
