import type { RankingModel, RetrievalModel } from '../../model.ts';
import { configured } from '../../parameters.ts';
import { checkMonotone } from '../parameters.ts';
import { columnImportance } from './column-importance.ts';
import { POSITION, scoreColumn } from './files.ts';
import { openTreeRanker, retrievalScores } from './ranker.ts';
import { foundParameter, rankerParameters, trainRanker } from './training.ts';

/** A ranker of trees over the features of users and items, and the scores of `bases`. */
export function treeRanker(name: string, about: string, bases: readonly RetrievalModel[]): RankingModel {
  return {
    name,
    role: 'ranking',
    about,
    parameters: bases.length === 0 ? rankerParameters : { ...rankerParameters, ...foundParameter },
    bases,
    isQuick: true,
    checkColumns: (config, features) =>
      checkMonotone(name, configured(rankerParameters, config).monotone, [
        ...features,
        ...bases.map((base) => scoreColumn(base.name)),
        POSITION,
      ]),
    open: (dataset, config, seed, execution) => trainRanker(dataset, { bases, config, seed, execution }),
    ranker: (files) => openTreeRanker(files, bases),
    importance: (files, rows) => columnImportance(files, rows, bases),
    retrievalScores: (files, rows) => retrievalScores(files, rows, bases),
  };
}
