/** A line a loss. */
import type { LossName } from '../parameters.ts';
import { lambdamart } from './lambdamart.ts';
import { logistic } from './logistic.ts';
import type { LossKind } from './loss.ts';
import { squared } from './squared.ts';
import { yetirank } from './yetirank.ts';

export const losses: Readonly<Record<LossName, LossKind>> = { logistic, squared, lambdamart, yetirank };
