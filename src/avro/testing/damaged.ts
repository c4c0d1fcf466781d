import assert from 'node:assert/strict';
import type { Type } from 'avsc';
import fc from 'fast-check';
import { arbitraryValue } from './arbitrary.ts';

/** What `read` takes of values with a byte that is another, avsc takes as well, and for the same. */
export function assertTakesNothingElse(
  schema: object,
  type: Type,
  read: (bytes: Buffer) => unknown,
  numRuns: number,
): void {
  fc.assert(
    fc.property(arbitraryValue(schema), fc.nat(), fc.nat(255), (value, at, byte) => {
      const bytes = type.toBuffer(value);
      if (bytes.length > 0) bytes[at % bytes.length] = byte;
      let found: unknown;
      try {
        found = read(bytes);
      } catch {
        return;
      }
      assert.deepEqual(type.fromBuffer(bytes), found);
    }),
    { numRuns },
  );
}
