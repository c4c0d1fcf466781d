import type { Progress, Shutdown } from '#platform';
import type { Trainer } from '#trainer';
import type { Installation } from '../installation.ts';
import { startTrainer } from '../training.ts';
import { trainFirst } from './first-training.ts';
import { type Member, memberPart } from './member.ts';

export type TrainerRole = Member & {
  /** The same with a bar for each training, and without a first one of its own. */
  beginAsked(
    progress: Progress,
    shutdown: Shutdown,
  ): Promise<{ readonly trainer: Trainer; readonly failed: Promise<never> }>;
};

/** The trainer, which of all processes with the role one is. */
export function trainerRole(installation: Installation): TrainerRole {
  let trainer: Trainer | undefined;
  const start = async (progress: Progress | undefined, shutdown: Shutdown) => {
    const started = await startTrainer(installation, progress, shutdown);
    trainer = started.trainer;
    return started;
  };
  return {
    ...memberPart('trainer', 'trains', () => trainer?.role),
    beginAsked: start,
    begin: async (shutdown) => {
      const started = await start(undefined, shutdown);
      const training = trainFirst(installation, started.trainer, shutdown.signal);
      shutdown.add('first training', () => training);
      return started;
    },
  };
}
