import { modelModules } from '#models';
import { FatalError, startWorker, Thread } from '#platform';
import type { TrainerOptions } from '../trainer-options.ts';
import type { EmbeddingAnswers, EmbeddingInput } from './embedding-main.ts';

export type EmbeddingThread = Thread<EmbeddingAnswers>;

/**
 * The item tower of a version in a thread of its own. Errors: InputError MR_REINDEX_MODEL for a version without one; those
 * of opening the version.
 */
export async function startEmbedding(
  { dataDirectory, files }: Pick<TrainerOptions, 'dataDirectory' | 'files'>,
  directory: string,
  known: EmbeddingInput['known'],
): Promise<EmbeddingThread> {
  await files?.bring(directory);
  const entry = new URL('./embedding-main.ts', import.meta.url);
  const input: EmbeddingInput = { dataDirectory, directory, known, modules: modelModules() };
  const thread: EmbeddingThread = new Thread(startWorker(entry, { input }), { gone });
  try {
    await thread.ready;
    return thread;
  } catch (error) {
    await thread.ended;
    throw error;
  }
}

function gone(cause: unknown): FatalError {
  return new FatalError('MR_REINDEX_THREAD', 'The thread that embeds items has ended by itself.', {
    hint: 'It begins again; report what the log says.',
    cause,
  });
}
