/** Gradients of all parameters of a shard, in the order of the parameters. */
export type Gradients = readonly Float32Array[];

/** Zeros in memory that threads share. */
export function sharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
}

/** The gradients of a step from those of its shards: added to the first ones, always in the order of the shards. */
export function sumOfShards([first, ...others]: readonly Gradients[]): Gradients {
  if (first === undefined) return [];
  first.forEach((total, parameter) => {
    for (const shard of others) {
      const gradient = shard[parameter] as Float32Array;
      for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + (gradient[i] as number);
    }
  });
  return first;
}
