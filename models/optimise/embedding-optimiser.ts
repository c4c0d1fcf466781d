import type { ChoiceParameter } from '../parameters.ts';
import type { OptimiserOptions } from './optimiser.ts';

export type EmbeddingOptimiserKind = 'adam' | 'row-wise-adagrad';

/** The parameter of every model that learns tables of embeddings. */
export const embeddingOptimiserParameter = {
  default: 'adam',
  choices: ['adam', 'row-wise-adagrad'],
  about:
    'What changes the embeddings: Adam keeps two numbers for each weight, row-wise Adagrad one for each row, which tables of millions of rows are for.',
} as const satisfies ChoiceParameter<EmbeddingOptimiserKind>;

export const embeddingOptimiser = (
  kind: EmbeddingOptimiserKind,
  options: { readonly learningRate: number; readonly weightDecay?: number },
): OptimiserOptions => ({ kind, ...options });
