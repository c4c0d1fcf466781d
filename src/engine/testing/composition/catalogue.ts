import { foldOperators } from './catalogue/folds.ts';
import { joinOperators } from './catalogue/joins.ts';
import type { Catalogue } from './catalogue/operator.ts';
import { statelessOperators } from './catalogue/stateless.ts';

/** Every operator that chains are made of, by name. */
export const catalogue: Catalogue = { ...statelessOperators, ...foldOperators, ...joinOperators };
