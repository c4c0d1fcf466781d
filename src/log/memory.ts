/**
 * Memory for bytes that come and go with every commit. Left to V8, what they lay in waits for a collection of the old
 * generation, and V8 begins one for every 64 MiB that buffers have taken; the kernel clears each page of a new one. So what
 * has done its work serves the next. Each thread has its own.
 */

/** Smaller ones are cheap, and many are kept for long: they get no more room than they ask for. */
const SMALLEST_BYTES = 4 * 1024;
/** About what waits for a commit at most. */
const MOST_SPARE_BYTES = 64 * 1024 * 1024;

/** By the power of two that is their size. */
const spare: ArrayBuffer[][] = Array.from({ length: 32 }, () => []);
let spareBytes = 0;

/** Room for `bytes` at least, holding anything. */
export function takeMemory(bytes: number): ArrayBuffer {
  if (bytes < SMALLEST_BYTES) return Buffer.allocUnsafeSlow(bytes).buffer;
  const power = 32 - Math.clz32(bytes - 1);
  const memory = spare[power]?.pop();
  if (memory === undefined) return Buffer.allocUnsafeSlow(2 ** power).buffer;
  spareBytes -= memory.byteLength;
  return memory;
}

/** Takes back what takeMemory gave: nobody may read it any more, nor slices of it. */
export function giveMemory(memory: ArrayBuffer): void {
  const { byteLength } = memory;
  if (byteLength < SMALLEST_BYTES) return;
  if (spareBytes + byteLength > MOST_SPARE_BYTES) freeMemory(memory);
  else {
    spareBytes += byteLength;
    spare[31 - Math.clz32(byteLength)]?.push(memory);
  }
}

/** Frees memory at once. Nobody may read it any more, nor slices of it. */
export function freeMemory(memory: ArrayBuffer): void {
  memory.transfer(0);
}

/** The same bytes with more room. They have to be all of their memory, and nobody may read slices of them any more. */
export function grown(bytes: Buffer, length: number): Buffer<ArrayBuffer> {
  return Buffer.from((bytes.buffer as ArrayBuffer).transfer(length));
}
