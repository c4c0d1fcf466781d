/** The catalogue of sources: a folder and a line each. */
import { mappedFiles } from './mapped/source.ts';
import { movieLens } from './movielens/source.ts';
import { rankLens } from './ranklens/source.ts';
import type { Source } from './source.ts';
import { yoochoose } from './yoochoose/source.ts';

export const sources: readonly Source[] = [movieLens, rankLens, yoochoose, mappedFiles];
