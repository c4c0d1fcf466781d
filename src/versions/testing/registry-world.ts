/** A registry of versions at work on a log of its own: the real processors, and versions with files. */

import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { TopicReader } from '#engine';
import { openEmbeddedLog } from '#log';
import { localArtifacts } from '#models';
import { readRegistry } from '#offline';
import { createLogger, createMetrics, systemClock } from '#platform';
import { readOptions } from '#platform/configuration';
import { temporaryDirectory } from '#platform/testing';
import { startProcessing } from '#processing';
import { PROCESSING_OPTIONS } from '#processing/options';
import type { Candidate, DeadLetter } from '#schemas';
import { openTopics } from '#topologies';
import { askRegistry } from '../ask-registry.ts';

/** Far longer than anything here takes on the slowest machine. */
const PATIENCE_MS = 60_000;

export type RegistryWorld = Awaited<ReturnType<typeof openRegistryWorld>>;

export async function openRegistryWorld(t: TestContext, { isProcessed = true } = {}) {
  const dataDirectory = temporaryDirectory(t);
  const flags = { data: dataDirectory, 'logging.level': 'silent', 'engine.commitIntervalMs': 20 };
  const configuration = readOptions(
    { options: PROCESSING_OPTIONS },
    { flags, environment: {}, directory: dataDirectory },
  );
  const log = await openEmbeddedLog({ directory: dataDirectory, clock: systemClock, synchronous: 'normal' });
  const topics = await openTopics(log, log.registry);
  const state = { stateDirectory: join(dataDirectory, 'state'), instanceId: 'main' };
  const processing = isProcessed
    ? await startProcessing({ embedded: log, log, registry: log.registry, topics, configuration, ...state })
    : undefined;
  const users: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const stop of users) await stop();
    await processing?.stop();
    await log.close();
  });
  const artifacts = localArtifacts(join(dataDirectory, 'versions'));
  const asking = { log, topics, clock: systemClock, patienceMs: PATIENCE_MS };
  let seed = 0;
  /** A version with files, not reported yet. */
  const stored = async (metrics: Record<string, number> = { 'recall@10': 0.5 }): Promise<Candidate> => {
    const description = { model: 'test', snapshotId: 's', seed: ++seed, dimension: 8, itemCount: 1 };
    const none = { popularity: {}, decayedPopularity: {} };
    const files = { 'user-tower.onnx': Buffer.alloc(1_000, seed) };
    const version = await artifacts.write({ ...description, protocol: 'p', metrics, ...none }, files);
    return {
      version,
      snapshot_id: 's',
      model: 'test',
      directory: `versions/${version}`,
      dimension: 8,
      items: 1,
      protocol: 'p',
      metrics,
      popularity: {},
      decayed_popularity: {},
      role: 'retrieval',
      run_id: null,
      intervals: {},
      sizes: {},
      production: null,
    };
  };
  return {
    dataDirectory,
    log,
    topics,
    clock: systemClock,
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics: createMetrics(),
    asking,
    /** What is to be stopped before the log is closed. */
    users,
    artifacts,
    stored,
    /** Stored, compared with the version in force, published, and promoted by the gate. */
    promoted: async () => {
      const version = (await readRegistry({ log, topics })).promotions.retrieval.at(-1);
      const production = version === undefined ? null : { version, metrics: {}, differences: {} };
      const candidate = { ...(await stored()), production };
      await askRegistry(asking, { kind: 'publish', candidate, actor: null });
      return candidate;
    },
    registry: () => readRegistry({ log, topics }),
    deadLetters: async (): Promise<DeadLetter[]> => {
      const reader = await TopicReader.open(log, topics['dead-letters'], { from: 'start' });
      const letters: DeadLetter[] = [];
      for await (const records of reader.untilEnd()) {
        for (const { value } of records) if (value !== null) letters.push(value);
      }
      await reader.close();
      return letters;
    },
  };
}
