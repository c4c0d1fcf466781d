import { seededRandom } from '../random.ts';

/**
 * A mask for `dropout`, [length]: 0 with the probability `share`, else 1. It follows from the seed and a counter alone, so
 * whoever goes on from a step needs to know nothing but its number. The share is rounded to a 256th (`dropoutShare`).
 */
export function dropoutMask(length: number, share: number, seed: number, counter: number): Uint8Array {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(counter + 1, 0x85ebca77));
  const threshold = Math.round(share * 256);
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = random.uniform() * 2 ** 32;
  const mask = new Uint8Array(words.buffer, 0, length);
  for (let i = 0; i < length; i++) mask[i] = (mask[i] as number) < threshold ? 0 : 1;
  return mask;
}

/** The share that masks of a share really have. */
export const dropoutShare = (share: number): number => Math.round(share * 256) / 256;
