/** The first version of a log on which no process has all roles: whoever trains there trains it unasked. */
import { readVersions } from '#offline';
import { Backoff, systemClock } from '#platform';
import { readRuns, type Trainer } from '#trainer';
import type { Installation } from '../installation.ts';

const LOOK_MS = 1_000;
const AGAIN = { firstMs: 10_000, longestMs: 600_000 };

/**
 * Resolves when there is a version, or `signal` aborts. Only the active trainer of the group asks for it, once there are
 * examples, and again with growing pauses where these were not enough.
 */
export async function trainFirst(
  installation: Pick<Installation, 'log' | 'topics' | 'configuration' | 'logger'>,
  trainer: Pick<Trainer, 'role' | 'train'>,
  signal: AbortSignal,
): Promise<void> {
  const { configuration, logger } = installation;
  const backoff = new Backoff(systemClock, AGAIN);
  while (!signal.aborted) {
    try {
      if ((await readVersions(installation)).length > 0) return;
      if (trainer.role === 'active' && (await isTimeToTrain(installation))) {
        await trainer.train({ seed: configuration.training.seed }, signal);
        return;
      }
    } catch (err) {
      if (signal.aborted) return;
      logger.info({ err }, 'no first version was trained; trying again');
      await backoff.wait(signal);
    }
    await systemClock.sleep(LOOK_MS, signal);
  }
}

/** There are examples, and no run is under way that will give a version. */
async function isTimeToTrain({ log, topics }: Pick<Installation, 'log' | 'topics'>): Promise<boolean> {
  const [examples] = await log.describeTopics([topics.examples.name]);
  if (examples === undefined || examples.offsets.every(({ start, stable }) => stable === start)) return false;
  const runs = await readRuns({ log, topics });
  return !runs.some(({ status }) => status === 'waiting' || status === 'running');
}
