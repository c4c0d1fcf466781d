/** One index beside several behind one query, over the same vectors and at the same recall. */
import { buildIvf, type IvfIndex, ShardedIndex } from '#models';
import { type Asked, K, recallOf, timed } from './system.ts';

const SHARDS = 4;
const TARGET = 0.95;

export type Searched = { readonly recall: number; readonly p50Ms: number };

export function shardedAndWhole(
  items: Float32Array,
  asked: Asked,
): { readonly whole: Searched; readonly shards: Searched } {
  const { dim } = asked;
  const count = items.length / dim;
  const searched = (index: Pick<IvfIndex, 'search'>): Searched => {
    const find = (query: Float32Array) => index.search(query, K).ids;
    return { recall: recallOf(find, 0, asked), p50Ms: timed(find, 0, asked).p50Ms };
  };
  const shard = (number: number) => {
    const [from, to] = [number, number + 1].map((each) => Math.floor((each * count) / SHARDS)) as [
      number,
      number,
    ];
    const ids = Int32Array.from({ length: to - from }, (_, i) => from + i);
    return buildIvf(items.subarray(from * dim, to * dim), dim, { ids, target: TARGET });
  };
  const [first, ...rest] = Array.from({ length: SHARDS }, (_, number) => shard(number));
  const shards = new ShardedIndex([first as IvfIndex, ...rest]);
  return { whole: searched(buildIvf(items, dim, { target: TARGET })), shards: searched(shards) };
}
