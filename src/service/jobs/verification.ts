import type { JobContext, JobOutcome } from '#jobs';
import { FatalError, Shutdown, systemClock } from '#platform';
import type { Installation } from '../installation.ts';
import { verifyDerived } from '../verification/verify-derived.ts';

/**
 * Verifies a sample while this process has the stores open. Errors: FatalError MR_JOB_VERIFICATION where something is not
 * what it is derived from; metric verify_different names it as well.
 */
export async function verifySample(
  installation: Installation,
  { signal }: Pick<JobContext, 'signal'>,
): Promise<JobOutcome> {
  const { configuration, logger } = installation;
  const shutdown = new Shutdown({ logger, clock: systemClock });
  const end = () => void shutdown.stop('given up');
  signal.addEventListener('abort', end);
  const counts = { equal: 0, different: 0, unknown: 0 };
  const different: string[] = [];
  try {
    signal.throwIfAborted();
    const sample = { share: configuration.jobs.verificationShare, random: Math.random };
    for await (const { task, result } of verifyDerived(installation, shutdown, {
      sample,
      storesInUse: true,
    })) {
      counts[result]++;
      if (result === 'different') different.push(task);
    }
  } finally {
    signal.removeEventListener('abort', end);
    await shutdown.stop('verified');
  }
  if (different.length > 0) {
    throw new FatalError('MR_JOB_VERIFICATION', `Not what it is derived from: ${different.join(', ')}.`, {
      hint: 'Follow docs/runbooks/state-corrupted.md.',
    });
  }
  return { text: `${counts.equal} equal, ${counts.unknown} unknown` };
}
