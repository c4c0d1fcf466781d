import type { Candidate } from '../candidates/candidate.ts';
import type { OrderStep } from './port.ts';

/** Shows at most this many items of a category, unless there is nothing else: those beyond come after all others. */
export function categoryCap(most: number): OrderStep {
  return (list, { facts }) => {
    const counts = new Map<string, number>();
    const [within, beyond]: [Candidate[], Candidate[]] = [[], []];
    for (const candidate of list) {
      const category = facts.classOf(candidate.item)?.category ?? '';
      const count = (counts.get(category) ?? 0) + 1;
      counts.set(category, count);
      (count <= most ? within : beyond).push(candidate);
    }
    return [...within, ...beyond];
  };
}
