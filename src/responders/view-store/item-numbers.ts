/**
 * Numbers for the ids of items, from 0, for as long as the process runs: an answer looks at hundreds of items in every stage,
 * and what is known of an item by its number is a load from an array, where each look-up of an id is one or two cache misses
 * more. Numbers are given in the order in which ids are met, say nothing else, and never leave the process. All view
 * stores and versions of a process share them, so that one can take another's place while a request holds numbers.
 */
import { SpreadMap } from './spread-map.ts';

const numbers = new SpreadMap<number>();
const ids: string[] = [];

/** Returns an id's number, assigning one to a new id. For ids of topics and versions only: numbers are never freed. */
export function itemNumber(id: string): number {
  const known = numbers.get(id);
  if (known !== undefined) return known;
  numbers.set(id, ids.length);
  return ids.push(id) - 1;
}

/** Undefined for an id that neither a topic nor a version has named. */
export function knownItem(id: string): number | undefined {
  return numbers.get(id);
}

export function itemIdOf(item: number): string {
  return ids[item] as string;
}

export function itemIdsOf(items: Int32Array): string[] {
  const own = new Array<string>(items.length);
  for (let i = 0; i < items.length; i++) own[i] = ids[items[i] as number] as string;
  return own;
}
