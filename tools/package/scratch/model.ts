import {
  configured,
  ItemWeights,
  type Model,
  matrixOf,
  oneStepTraining,
  type Parameters,
} from 'millrace/models';

const parameters = {
  most: { default: 10, range: 'a whole number above 0', about: 'How many of them.' },
} as const satisfies Parameters;

/** The items that most users had, for whoever had any. */
export default {
  name: 'best-sellers',
  role: 'retrieval',
  about: 'the items that most users had',
  parameters,
  needs: () => ({ historyLength: 1 }),
  async open(dataset, config, _seed, execution) {
    const { most } = configured(parameters, config);
    const fit = () => {
      const matrix = matrixOf(dataset);
      const counts = matrix.itemCounts();
      const items = Int32Array.from(counts.keys());
      const best = new Set(items.toSorted((a, b) => counts[b] - counts[a]).slice(0, most));
      // A row holds the items that count for its item when they are in a history.
      const rows = Array.from(items, (item) => {
        const ids = best.has(item) ? items : new Int32Array();
        return { ids, scores: new Float32Array(ids.length).fill(counts[item] / matrix.users) };
      });
      return { weights: ItemWeights.of(rows), loss: 0 };
    };
    return oneStepTraining('best-sellers', dataset, fit, execution);
  },
  refresh: { config: {} },
  serving: { kind: 'item-weights', answersSimilar: false },
} satisfies Model;
