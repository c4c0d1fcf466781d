import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Type } from 'avsc';
import fc from 'fast-check';
import { avroSchema, type SchemaName } from '#schemas';
import { avroType } from '../strict-types.ts';
import { arbitraryValue } from '../testing/arbitrary.ts';
import { assertTakesNothingElse } from '../testing/damaged.ts';
import { compileReader, type Read } from './reader.ts';
import { compileWriter, type Write } from './writer.ts';

const directory = join(import.meta.dirname, '../../../schemas/avro');
const schemas = readdirSync(directory).map((file) => {
  const { name } = JSON.parse(readFileSync(join(directory, file), 'utf8')) as { readonly name: SchemaName };
  return { name, schema: avroSchema(name) };
});
/** With what none of the product's own schemas has. */
const mixed = {
  type: 'record',
  name: 'Mixed',
  fields: [
    { name: 'whole', type: 'int' },
    {
      name: 'union',
      type: ['null', 'boolean', 'double', 'string', 'bytes', { type: 'array', items: 'long' }],
    },
    { name: 'named', type: { type: 'map', values: { type: 'map', values: 'double' } } },
    { name: 'many', type: { type: 'enum', name: 'Many', symbols: [...'abcdefghijkl'] } },
  ],
};

function compiled(schema: object): { type: Type; read: Read; write: Write } {
  const type = avroType(schema);
  const [read, write] = [compileReader(type), compileWriter(type)];
  assert.ok(read !== undefined && write !== undefined);
  return { type, read, write };
}

describe('compiled code', () => {
  for (const { name, schema } of [...schemas, { name: 'Mixed', schema: mixed }]) {
    it(`reads and writes ${name} as avsc does`, () => {
      const { type, read, write } = compiled(schema);
      fc.assert(
        fc.property(arbitraryValue(schema), fc.nat(5), (value, at) => {
          const expected = type.toBuffer(value);
          const target = Buffer.alloc(at + expected.length);
          assert.equal(write(target, at, value), target.length);
          assert.deepEqual(target.subarray(at), expected);
          assert.deepEqual(read(target, at, target.length), value);
        }),
        { numRuns: 50 },
      );
    });

    it(`takes nothing for ${name} that avsc does not`, () => {
      const { type, read } = compiled(schema);
      assertTakesNothingElse(schema, type, (bytes) => read(bytes, 0, bytes.length), 200);
    });
  }

  it('reads and writes every long that is exact', () => {
    const { type, read, write } = compiled({ type: 'long' });
    const bytes = Buffer.alloc(10);
    const powers = Array.from({ length: 53 }, (_, i) => 2 ** i);
    for (const value of powers.flatMap((power) => [power - 1, 1 - power, -power / 2])) {
      const whole = Math.trunc(value) + 0;
      const end = write(bytes, 0, whole);
      assert.deepEqual(bytes.subarray(0, end), type.toBuffer(whole));
      assert.equal(read(bytes, 0, end), whole);
    }
    for (const wrong of [2 ** 52, -(2 ** 52), 0.5, Number.NaN, '1', null])
      assert.throws(() => write(bytes, 0, wrong));
  });

  it('says that there is too little room', () => {
    const { type, write } = compiled(mixed);
    fc.assert(
      fc.property(arbitraryValue(mixed), fc.nat(60), (value, lacking) => {
        const target = Buffer.alloc(Math.max(0, type.toBuffer(value).length - 1 - lacking));
        let end = Number.POSITIVE_INFINITY;
        try {
          end = write(target, 0, value);
        } catch {
          // As well.
        }
        assert.ok(end > target.length);
      }),
    );
  });

  it('leaves schemas to avsc that it does not know', () => {
    const tree = { type: 'record', name: 'Tree', fields: [{ name: 'left', type: ['null', 'Tree'] }] };
    for (const schema of [tree, { type: 'fixed', name: 'Six', size: 6 }, { type: 'array', items: 'float' }]) {
      assert.equal(compileReader(avroType(schema)), undefined);
      assert.equal(compileWriter(avroType(schema)), undefined);
    }
  });
});
