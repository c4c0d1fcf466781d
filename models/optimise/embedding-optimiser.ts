import type { ChoiceParameter } from '../parameters.ts';

/** The parameter of every model that learns tables of embeddings. */
export const embeddingOptimiserParameter = {
  default: 'adam',
  choices: ['adam', 'row-wise-adagrad'],
  about:
    'What changes the embeddings: Adam keeps two numbers for each weight, row-wise Adagrad one for each row, which tables of millions of rows are for.',
} as const satisfies ChoiceParameter;
