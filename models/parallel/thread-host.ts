/**
 * Threads that start threads. Node stops those that a thread has started with it, wherever they are: inside of onnxruntime
 * that aborts the process. So a thread that may end by itself, as by want of memory, has them started by one that outlives
 * it, its host. When it ends, they see their port closed.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type Failure, startWorker, toError, toFailure } from '#platform';

/** Its fault when it has ended; undefined where it ended in order. */
type Ended = Promise<unknown>;

type Asked = {
  readonly entry: string;
  readonly workerData: object;
  readonly port: MessagePort;
  /** Gets an `EndReport`. */
  readonly ended: MessagePort;
};
type EndReport = { readonly fault: Failure | undefined };

/** Starts a thread, by `host` where there is one. `port` goes to it as `workerData.port`. */
export function startThread(entry: URL, workerData: object, port: MessagePort, host?: MessagePort): Ended {
  if (host === undefined) return endOf(entry, workerData, port);
  const { port1, port2 } = new MessageChannel();
  const asked: Asked = { entry: entry.href, workerData, port, ended: port2 };
  host.postMessage(asked, [port, port2]);
  return new Promise((resolve) => {
    port1.once('message', ({ fault }: EndReport) => {
      port1.close();
      resolve(fault && toError(fault));
    });
  });
}

/** Starts threads on requests over `port` until it closes. Call the result to wait for the threads to end. */
export function hostThreads(port: MessagePort): () => Promise<void> {
  const running = new Set<Promise<void>>();
  port.on('message', ({ entry, workerData, port: own, ended }: Asked) => {
    const thread = endOf(new URL(entry), workerData, own).then((fault) => {
      const report: EndReport = { fault: fault === undefined ? undefined : toFailure(fault) };
      ended.postMessage(report);
      ended.close();
      running.delete(thread);
    });
    running.add(thread);
  });
  return async () => {
    await Promise.all(running);
  };
}

function endOf(entry: URL, workerData: object, port: MessagePort): Ended {
  return startWorker(entry, { input: { ...workerData, port }, moved: [port] }).exited;
}
