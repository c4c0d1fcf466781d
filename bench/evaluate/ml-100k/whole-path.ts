/**
 * The two-tower model beside the popularity baselines on MovieLens 100K, by the product's own path: import, the loop
 * topology on the embedded log with RocksDB, a snapshot, and one training a seed.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Topic, TopicWriter } from '#engine';
import { type DataSet, movieLens, readDataSet } from '#imports';
import { type EmbeddedLog, openEmbeddedLog } from '#log';
import { type Interval, type MetricValues, pairedBootstrap, seededRandom } from '#models';
import { takeSnapshot } from '#offline';
import { createLogger, type Progress, systemClock } from '#platform';
import type { Snapshot } from '#schemas';
import { OUTCOME_WINDOW_MS, openTopics, type Topics } from '#topologies';
import { type Judgements, trainFromSnapshot } from '#trainer';
import { type Figure, printFigure } from '../../figure.ts';
import { runLoop } from '../../loop/run-loop.ts';

const comparedMetrics = ['recall@10', 'ndcg@10'] as const;
const WRITTEN_AT_ONCE = 5000;

type ComparedMetric = (typeof comparedMetrics)[number];

export type MovieLensEvaluation = {
  readonly snapshot: Snapshot;
  /** By seed, in the order asked for. */
  readonly models: readonly {
    readonly seed: number;
    readonly version: string;
    readonly metrics: MetricValues;
  }[];
  readonly popularity: MetricValues;
  readonly decayedPopularity: MetricValues;
  /** The model's mean over the seeds, less the better of the two baselines; 95% paired bootstrap over users. */
  readonly differences: Readonly<Record<ComparedMetric, Interval>>;
};

export type EvaluationOptions = {
  readonly directory: string;
  readonly progress: Progress;
  /** One training each. */
  readonly seeds?: readonly number[];
};

export async function printWholePath(options: EvaluationOptions): Promise<void> {
  for (const figure of figuresOf(await evaluateMovieLens(options))) printFigure(figure);
}

/** Imports into a log of its own, which is removed afterwards. */
export async function evaluateMovieLens({
  directory,
  progress,
  seeds = [1, 2, 3],
}: EvaluationOptions): Promise<MovieLensEvaluation> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'millrace-movielens-'));
  const logger = createLogger({ level: 'warn', name: 'evaluate' });
  const log = await openEmbeddedLog({ directory: dataDirectory, clock: systemClock, logger });
  try {
    const topics = await openTopics(log, log.registry);
    await importMovieLens(log, topics, await readDataSet(movieLens, [directory]), progress);
    await runLoop(log, topics, dataDirectory);
    const snapshot = await takeSnapshot({ log, topics, dataDirectory, clock: systemClock, logger, progress });
    const trained: { seed: number; version: string; judgements: Judgements }[] = [];
    for (const seed of seeds) {
      const step = progress.start(`Training, seed ${seed}`, 1);
      const { candidate, judgements } = await trainFromSnapshot(snapshot, {
        dataDirectory,
        seed,
        config: {},
      });
      step.update(1);
      step.done();
      trained.push({ seed, version: candidate.version, judgements });
    }
    return compare(snapshot, trained);
  } finally {
    await log.close();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

async function importMovieLens(
  log: EmbeddedLog,
  topics: Topics,
  { events, items, tablesAt, users }: DataSet,
  progress: Progress,
): Promise<void> {
  await write(log, topics.items, items, ({ item_id }) => ({ key: item_id, timestamp: tablesAt }));
  await write(log, topics.users, users, ({ user_id }) => ({ key: user_id, timestamp: tablesAt }));
  const step = progress.start('Import', events.length);
  let newest = tablesAt;
  const place = ({ user_id, ts }: { user_id: string; ts: number }) => {
    newest = ts;
    step.advance(1);
    return { key: user_id, timestamp: ts };
  };
  await write(log, topics.interactions, events, place);
  step.done();
  const writer = await TopicWriter.open(log, topics.interactions);
  await writer.announce(newest + 1 + OUTCOME_WINDOW_MS);
  await writer.close();
}

async function write<V>(
  log: EmbeddedLog,
  topic: Topic<string, V>,
  values: Iterable<V>,
  place: (value: V) => { key: string; timestamp: number },
): Promise<void> {
  const writer = await TopicWriter.open(log, topic);
  let chunk: { key: string; value: V; timestamp: number }[] = [];
  for (const value of values) {
    chunk.push({ value, ...place(value) });
    if (chunk.length < WRITTEN_AT_ONCE) continue;
    await writer.write(chunk);
    chunk = [];
  }
  await writer.write(chunk);
  await writer.close();
}

function compare(
  snapshot: Snapshot,
  trained: readonly { seed: number; version: string; judgements: Judgements }[],
): MovieLensEvaluation {
  const [first] = trained.map(({ judgements }) => judgements);
  if (first === undefined) throw new RangeError('there must be a seed');
  const difference = (metric: ComparedMetric): Interval => {
    const { popularity, decayedPopularity } = first;
    const better =
      (popularity.metrics[metric] ?? 0) >= (decayedPopularity.metrics[metric] ?? 0)
        ? popularity
        : decayedPopularity;
    const baseline = better.perUser[metric] ?? new Float64Array();
    const model = baseline.map((_, user) => {
      const total = trained.reduce(
        (sum, { judgements }) => sum + (judgements.model.perUser[metric]?.[user] ?? 0),
        0,
      );
      return total / trained.length;
    });
    return pairedBootstrap(model, baseline, { random: seededRandom(1) });
  };
  return {
    snapshot,
    models: trained.map(({ seed, version, judgements }) => ({
      seed,
      version,
      metrics: judgements.model.metrics,
    })),
    popularity: first.popularity.metrics,
    decayedPopularity: first.decayedPopularity.metrics,
    differences: { 'recall@10': difference('recall@10'), 'ndcg@10': difference('ndcg@10') },
  };
}

function figuresOf({ models, popularity, decayedPopularity, differences }: MovieLensEvaluation): Figure[] {
  const cases: (readonly [string, MetricValues])[] = [
    ...models.map(({ seed, metrics }) => [`two-tower seed ${seed}`, metrics] as const),
    ['all-time popularity', popularity],
    ['decayed popularity', decayedPopularity],
  ];
  const metricFigures = cases.flatMap(([name, metrics]) =>
    Object.entries(metrics).map(([metric, value]) => figure(name, metric, value)),
  );
  const differenceFigures = comparedMetrics.flatMap((metric) =>
    (['mean', 'low', 'high'] as const).map((bound) =>
      figure(
        `two-tower less the better popularity, 95% paired bootstrap ${bound}`,
        metric,
        differences[metric][bound],
      ),
    ),
  );
  return [...metricFigures, ...differenceFigures];
}

function figure(name: string, metric: string, value: number): Figure {
  return {
    bench: 'ml-100k',
    case: `whole path, ${name}`,
    metric: metric as Figure['metric'],
    value,
    unit: 'ratio',
  };
}
