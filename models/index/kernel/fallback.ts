/** The kernels in plain JavaScript, for where there is no WebAssembly with SIMD: in the same order, rounded alike. */
import type { Metric } from '../port.ts';
import { BLOCK_ROWS, type Kernels, MAX_PAGES, type Memory, type Platform } from './port.ts';

const PAGE_BYTES = 65_536;

const over = (buffer: SharedArrayBuffer): Memory => ({
  buffer,
  grow: (pages) => buffer.grow(buffer.byteLength + pages * PAGE_BYTES),
});

export const plainPlatform: Platform = {
  name: 'plain',
  createMemory: () => over(new SharedArrayBuffer(PAGE_BYTES, { maxByteLength: MAX_PAGES * PAGE_BYTES })),
  receiveMemory: (sent) => over(sent as SharedArrayBuffer),
  sendMemory: ({ buffer }) => buffer,
  kernels,
};

const { fround } = Math;

function kernels(metric: Metric, { buffer }: Memory): Kernels {
  const floats = new Float32Array(buffer);
  const words = new Int32Array(buffer);
  const shorts = new Int16Array(buffer);
  const bytes = new Int8Array(buffer);
  const lanes = new Float32Array(4);

  const score = (query: number, row: number, length: number): number => {
    lanes.fill(0);
    for (let d = 0; d < length; d++) {
      const [a, b, total] = [floats[query + d], floats[row + d], lanes[d & 3]] as [number, number, number];
      const gap = fround(a - b);
      lanes[d & 3] = metric === 'l2' ? total - fround(gap * gap) : total + fround(a * b);
    }
    const [first, second, third, fourth] = lanes as unknown as [number, number, number, number];
    return fround(fround(first + second) + fround(third + fourth));
  };
  const product = (query: number, codes: number, pairs: number): number => {
    let total = 0;
    for (let pair = 0; pair < pairs; pair++) {
      const [q, c] = [query + 2 * pair, codes + 2 * BLOCK_ROWS * pair];
      total += (shorts[q] as number) * (bytes[c] as number);
      total += (shorts[q + 1] as number) * (bytes[c + 1] as number);
    }
    return total;
  };

  return {
    scoresAt(query, addresses, count, stride, out) {
      for (let i = 0; i < count; i++) {
        const row = (words[(addresses >>> 2) + i] as number) >>> 2;
        floats[(out >>> 2) + i] = score(query >>> 2, row, stride >>> 2);
      }
    },
    screen(query, block, pairs, scale, slack, threshold) {
      const after = (block + 2 * BLOCK_ROWS * pairs) / 4;
      let mask = 0;
      for (let row = 0; row < BLOCK_ROWS; row++) {
        const [rowScale, rowSlack, bound] = [0, 1, 2].map(
          (array) => floats[after + array * BLOCK_ROWS + row],
        ) as [number, number, number];
        const dot = fround(product(query >>> 1, block + 2 * row, pairs));
        const estimate = fround(fround(dot * fround(scale)) * rowScale);
        const most = fround(fround(estimate + fround(fround(slack) * rowSlack)) + bound);
        if (most >= fround(threshold)) mask |= 1 << row;
      }
      return mask;
    },
  };
}
