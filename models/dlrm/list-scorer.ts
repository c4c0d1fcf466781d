import type { ListScorer, Objectives, RankerInputs } from '../ranking/port.ts';
import { ListEncoder, type ListEncoding, type SideRow } from './list-encoding.ts';
import { PreparedItems } from './prepared-items.ts';
import { DlrmScorer, type Predictions, type TrainedDlrm } from './scorer.ts';

/** What items can be ranked by. */
export const rankedBy = ['click', 'conversion', 'revenue'] as const;

type ListScoring = {
  readonly encoding: ListEncoding;
  readonly inputs: RankerInputs['inputs'];
  /** One of them, or some of them weighted. */
  readonly rankBy: RankedBy | Objectives;
};

export type RankedBy = (typeof rankedBy)[number];

/** Scores lists by a trained network: logits of a click, or the chance of a purchase, its mean revenue, or a weighted sum of them. */
export async function scorerOf(
  trained: TrainedDlrm,
  { encoding, inputs, rankBy }: ListScoring,
): Promise<ListScorer> {
  const encoder = new ListEncoder(encoding);
  const scorer = await DlrmScorer.load(trained);
  const prepared = new PreparedItems(scorer, encoder);
  const width = trained.heads.length;
  const scoresOf = (outputs: Float32Array, count: number): Float64Array => {
    // Logits keep apart what chances round to 1.
    if (rankBy === 'click')
      return Float64Array.from({ length: count }, (_, i) => outputs[i * width] as number);
    const predictions = scorer.predictions(outputs, count);
    if (typeof rankBy === 'string') return expected(predictions, rankBy);
    const scores = new Float64Array(count);
    for (const [objective, weight] of Object.entries(rankBy)) {
      expected(predictions, objective as RankedBy).forEach((value, i) => {
        scores[i] = (scores[i] as number) + weight * value;
      });
    }
    return scores;
  };
  return {
    inputs,
    async score(query, positions) {
      const { users, userOf, items, candidates } = encoder.encode(query, positions);
      const scores = new Float64Array(items.length);
      for (const [user, row] of users.entries()) {
        const places = [...userOf.keys()].filter((place) => userOf[place] === user);
        const chosen = <T>(all: readonly T[]) => places.map((place) => all[place] as T);
        const sides = await prepared.sidesOf(chosen(query.items), chosen(items));
        const shown = encoder.hasCandidates
          ? encoder.rowsOf('candidate', chosen<SideRow>(candidates))
          : undefined;
        const outputs = await scorer.outputs(encoder.rowsOf('user', [row]), sides, shown);
        scoresOf(outputs, places.length).forEach((score, i) => {
          scores[places[i] as number] = score;
        });
      }
      return scores;
    },
    close: () => scorer.close(),
  };
}

/** What a shown item is expected to come to: its click, then its conversion, then what is paid. */
function expected({ click, conversion, revenue }: Predictions, rankBy: RankedBy): Float64Array {
  return Float64Array.from(click ?? [], (chance, i) => {
    if (rankBy === 'click') return chance;
    const bought = chance * (conversion?.[i] as number);
    return rankBy === 'conversion' ? bought : bought * (revenue?.[i] as number);
  });
}
