/** The thread that runs a model from outside; it ends by itself when told to stop, as thread-main.ts does. */
import { parentPort, workerData } from 'node:worker_threads';
import { ExternalScorer } from '#models';
import { errorCode, invariant } from '#platform';
import type { FromRanking, RankingThreadData, ToRanking } from './ranking-messages.ts';

invariant(parentPort !== null, 'a ranking thread is started as a worker thread');
const port = parentPort;
const send = (message: FromRanking) => port.postMessage(message);

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  send({ kind: 'failed', error: { code: errorCode(error) ?? 'MR_INVARIANT', message } });
}

async function score(scorer: ExternalScorer, rows: Parameters<ExternalScorer['score']>[0]): Promise<void> {
  try {
    send({ kind: 'scores', scores: await scorer.score(rows) });
  } catch (error) {
    fail(error);
  }
}

async function serve({ graph, manifest }: RankingThreadData): Promise<void> {
  const scorer = await ExternalScorer.load(graph, manifest);
  await scorer.probe();
  let last = Promise.resolve();
  port.on('message', (message: ToRanking) => {
    if (message.kind === 'score') last = last.then(() => score(scorer, message.rows));
    else last = last.then(() => scorer.close()).finally(() => port.close());
  });
  send({ kind: 'ready' });
}

try {
  await serve(workerData as RankingThreadData);
} catch (error) {
  fail(error);
}
