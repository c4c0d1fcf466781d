import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Metric } from '../port.ts';
import { plainPlatform } from './fallback.ts';
import { BLOCK_ROWS, type Platform } from './port.ts';
import { wasmPlatform } from './wasm.ts';

const BYTES = 65_536;

/** Memory with these bytes, and the kernels over it. */
function over(platform: Platform, metric: Metric, bytes: Uint8Array) {
  const memory = platform.createMemory();
  new Uint8Array(memory.buffer).set(bytes);
  return { kernels: platform.kernels(metric, memory), buffer: memory.buffer };
}

/** Any bits but those of NaN and infinity, so that scores overflow, underflow and cancel out. */
const finiteFloats = (length: number) =>
  fc
    .uint32Array({ minLength: length, maxLength: length })
    .map((bits) => bits.map((word) => ((word & 0x7f800000) === 0x7f800000 ? word & ~0x40000000 : word)));

for (const metric of ['inner-product', 'l2'] as const) {
  test(`scores of ${metric} have the same bits in WebAssembly and in JavaScript`, () => {
    const problem = fc
      .integer({ min: 1, max: 8 })
      .chain((eights) => fc.record({ eights: fc.constant(eights), floats: finiteFloats(eights * 8 * 9) }));
    fc.assert(
      fc.property(problem, ({ eights, floats }) => {
        const bytes = new Uint8Array(BYTES);
        bytes.set(new Uint8Array(floats.buffer));
        const stride = eights * 32;
        // Eight rows after the query, in an order of their own.
        const addresses = Uint32Array.of(3, 1, 2, 8, 8, 7, 5, 6).map((row) => row * stride);
        bytes.set(new Uint8Array(addresses.buffer), 40_000);
        const [fast, plain] = [wasmPlatform, plainPlatform].map((platform) => {
          const { kernels, buffer } = over(platform, metric, bytes);
          kernels.scoresAt(0, 40_000, 8, stride, 50_000);
          return new Float32Array(buffer.slice(50_000, 50_032));
        });
        assert.deepEqual(fast, plain);
      }),
    );
  });
}

test('rows are screened alike in WebAssembly and in JavaScript, up to the largest sums', () => {
  const problem = fc.integer({ min: 1, max: 40 }).chain((pairs) =>
    fc.record({
      pairs: fc.constant(pairs),
      query: fc.int16Array({ minLength: pairs * 2, maxLength: pairs * 2 }),
      codes: fc.int8Array({ minLength: pairs * 2 * BLOCK_ROWS, maxLength: pairs * 2 * BLOCK_ROWS }),
      floats: fc.array(fc.float({ min: -2, max: 2, noNaN: true }), {
        minLength: 3 * BLOCK_ROWS,
        maxLength: 3 * BLOCK_ROWS,
      }),
      threshold: fc.oneof(
        fc.float({ min: -50_000, max: 50_000, noNaN: true }),
        fc.constant(Number.NEGATIVE_INFINITY),
      ),
    }),
  );
  fc.assert(
    fc.property(problem, ({ pairs, query, codes, floats, threshold }) => {
      const bytes = new Uint8Array(BYTES);
      bytes.set(new Uint8Array(query.buffer, query.byteOffset, query.byteLength));
      bytes.set(new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength), 1024);
      bytes.set(new Uint8Array(Float32Array.from(floats).buffer), 1024 + codes.length);
      const [fast, plain] = [wasmPlatform, plainPlatform].map((platform) =>
        over(platform, 'l2', bytes).kernels.screen(0, 1024, pairs, 0.01, 0.7, threshold),
      );
      assert.equal(fast, plain);
      if (threshold === Number.NEGATIVE_INFINITY) assert.equal(fast, -1);
      assert.equal(fast, expectedMask({ pairs, query, codes, floats, threshold }));
    }),
  );
});

type Screened = {
  readonly pairs: number;
  readonly query: Int16Array;
  readonly codes: Int8Array;
  readonly floats: readonly number[];
  readonly threshold: number;
};

/** The formula of the port, row by row. */
function expectedMask({ pairs, query, codes, floats, threshold }: Screened): number {
  const { fround } = Math;
  let mask = 0;
  for (let row = 0; row < BLOCK_ROWS; row++) {
    let products = 0;
    for (let d = 0; d < pairs * 2; d++) {
      const code = codes[(d >> 1) * 2 * BLOCK_ROWS + 2 * row + (d & 1)] as number;
      products += (query[d] as number) * code;
    }
    const [scale, slack, bound] = [0, 1, 2].map((i) => floats[i * BLOCK_ROWS + row]) as [
      number,
      number,
      number,
    ];
    const estimate = fround(fround(fround(products) * fround(0.01)) * scale);
    if (fround(fround(estimate + fround(fround(0.7) * slack)) + bound) >= threshold) mask |= 1 << row;
  }
  return mask;
}
