import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { InputError, RetryableError } from '#platform';
import { testSeed } from '#platform/testing';
import {
  avroCodec,
  avroSchema,
  type Interaction,
  type Item,
  type SchemaName,
  topics,
  type ViewState,
} from '#schemas';
import { avroCodecFor, checkBackwardCompatible, writerSchemaId } from './codec.ts';
import { arbitraryValue } from './testing/arbitrary.ts';

const avro = join(import.meta.dirname, '../../schemas/avro');
const names = readdirSync(avro).map(
  (file): SchemaName => JSON.parse(readFileSync(join(avro, file), 'utf8')).name,
);

function loaded<T>(
  codec: { schema: object; addWriterSchema(id: number, schema: object): void } & T,
  id = 1,
): T {
  codec.addWriterSchema(id, codec.schema);
  return codec;
}

const interaction: Interaction = {
  event_id: 'e1',
  user_id: '42',
  item_id: null,
  kind: 'search',
  value: null,
  watch_ms: 2 ** 52 - 1,
  session_id: null,
  request_id: null,
  context: { device: 'tv', country: null, language: 'de' },
  ts: -1,
  original_ts: null,
  item: null,
};

describe('codec', () => {
  for (const name of names) {
    it(`gives ${name} back as it was`, () => {
      const codec = loaded(avroCodec(name));
      fc.assert(
        fc.property(arbitraryValue(avroSchema(name)), (value) => {
          const encoded = codec.encode(1, value as never);
          assert.deepEqual(codec.decode(encoded), value);
          const among = Buffer.concat([Buffer.alloc(3, 1), encoded, Buffer.alloc(40, 2)]);
          assert.deepEqual(codec.decodeAt(among, 3, 3 + encoded.length), value);
        }),
        { numRuns: 50 },
      );
    });
  }

  it('writes the Confluent header', () => {
    const buffer = avroCodec('Interaction').encode(0x01020304, interaction);
    assert.deepEqual([...buffer.subarray(0, 5)], [0, 1, 2, 3, 4]);
    assert.equal(writerSchemaId(buffer), 0x01020304);
  });

  it('encodes in place as it does by itself, and says how much room is missing', () => {
    for (const name of names) {
      const codec = avroCodec(name);
      fc.assert(
        fc.property(arbitraryValue(avroSchema(name)), fc.nat(9), fc.nat(40), (value, at, spare) => {
          const alone = codec.encode(7, value as never);
          const target = Buffer.alloc(at + alone.length + spare);
          const end = codec.encodeInto(7, value as never, target, at);
          assert.deepEqual(target.subarray(at, end), alone);
          const small = Buffer.alloc(Math.max(0, at + alone.length - 1 - spare));
          const missing = codec.encodeInto(7, value as never, small, at);
          assert.ok(missing < 0 && small.length - missing <= at + alone.length);
        }),
        { numRuns: 20 },
      );
    }
  });

  it('does not take a text that was cut at the end of its room for one that fits', () => {
    const codec = loaded(avroCodecFor<string>({ type: 'string' }));
    for (const text of [
      '𐀀𐀀𐀀ࠀ𐀀𐀀𐀀𐀀',
      `${'é'.repeat(9)}${'🎬'.repeat(5)}`,
      `${'a'.repeat(12)}€🎬🎬`,
      'é'.repeat(31),
    ]) {
      const { length } = codec.encode(7, text);
      for (let room = 0; room < length; room++) {
        assert.equal(codec.encodeInto(7, text, Buffer.alloc(room), 0) < 0, true, `${text} in ${room} bytes`);
      }
    }
  });

  it('writes short and long strings, of any script', () => {
    const codec = loaded(avroCodecFor<string>({ type: 'string' }));
    for (const unit of ['a', 'é', '€', '🎬']) {
      for (const length of [0, 1, 30, 31, 62, 63, 64, 65, 200]) {
        for (const text of [unit.repeat(length), `a${unit.repeat(length)}`, `${unit.repeat(length)}a`]) {
          assert.equal(codec.decode(codec.encode(1, text)), text);
        }
      }
    }
  });

  it('encodes values larger than any before', () => {
    const codec = loaded(avroCodec('ViewState'));
    const value: ViewState = { state: Buffer.alloc(300_000, 7), pending: [interaction] };
    assert.deepEqual(codec.decode(codec.encode(1, value)), value);
  });

  it('names the field that cannot be encoded', () => {
    const codec = avroCodec('ViewState');
    const wrong = { ...interaction, context: { ...interaction.context, country: 5 } };
    const refuse = (value: unknown, message: RegExp) =>
      assert.throws(
        () => codec.encode(1, value as ViewState),
        (error) => {
          assert.ok(error instanceof InputError);
          assert.equal(error.code, 'MR_AVRO_ENCODE');
          assert.match(error.message, message);
          return true;
        },
      );
    refuse({ state: Buffer.alloc(0), pending: [interaction, wrong] }, /pending\.1\.context\.country is 5/);
    refuse({ state: 'text', pending: [] }, /state is "text", expected "bytes"/);
    refuse({ state: Buffer.alloc(0) }, /pending is undefined/);
    refuse(undefined, /value is undefined/);
    for (const ts of [2 ** 52, -(2 ** 52), 0.5, Number.NaN, '1', 1n]) {
      refuse({ state: Buffer.alloc(0), pending: [{ ...interaction, ts }] }, /pending\.0\.ts/);
    }
    refuse(
      { state: Buffer.alloc(0), pending: [{ ...interaction, kind: 'nap' }] },
      /pending\.0\.kind is "nap"/,
    );
  });

  it('asks for a schema that it does not have', () => {
    const codec = avroCodec('Interaction');
    const buffer = codec.encode(9, interaction);
    assert.equal(codec.hasWriterSchema(9), false);
    assert.throws(
      () => codec.decode(buffer),
      (error) =>
        error instanceof RetryableError && error.code === 'MR_SCHEMA_NOT_LOADED' && / 9 /.test(error.message),
    );
    codec.addWriterSchema(9, codec.schema);
    assert.deepEqual(codec.decode(buffer), interaction);
  });
});

describe('wrong bytes', () => {
  const undecodable = (action: () => unknown) =>
    assert.throws(action, { code: 'MR_AVRO_DECODE', name: InputError.name });

  it('are refused when cut, lengthened or without a header', () => {
    const codec = loaded(avroCodec('Interaction'));
    const buffer = codec.encode(1, interaction);
    for (let length = 0; length < buffer.length; length++)
      undecodable(() => codec.decode(buffer.subarray(0, length)));
    // Bytes after the value are not part of it.
    for (let end = 0; end < buffer.length; end++) undecodable(() => codec.decodeAt(buffer, 0, end));
    undecodable(() => codec.decodeAt(Buffer.concat([buffer, buffer]), 0, buffer.length + 1));
    undecodable(() => codec.decode(Buffer.concat([buffer, Buffer.alloc(1)])));
    undecodable(() => codec.decode(Buffer.concat([Buffer.from([1]), buffer.subarray(1)])));
  });

  it('never loop, exhaust memory or fail in another way', () => {
    for (const name of names) {
      const codec = loaded(avroCodec(name));
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
          try {
            codec.decode(Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), body]));
          } catch (error) {
            assert.equal((error as InputError).code, 'MR_AVRO_DECODE');
          }
        }),
      );
    }
  });

  it('are refused when a number does not fit its type', () => {
    for (const [type, hex] of [
      ['int', '8080808010'],
      ['long', 'ffffffffffffff7f'],
      ['long', '8080808080808010'],
    ]) {
      const codec = loaded(avroCodecFor({ type: 'record', name: 'R', fields: [{ name: 'n', type }] }));
      undecodable(() => codec.decode(Buffer.from(`0000000001${hex}`, 'hex')));
    }
  });

  it('are refused when they announce more items than there are bytes', () => {
    const strings = { type: 'array', items: 'string' };
    const writer = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'all', type: strings },
        { name: 'n', type: 'int' },
      ],
    };
    const skips = avroCodecFor({ type: 'record', name: 'R', fields: [{ name: 'n', type: 'int' }] });
    const reads = avroCodecFor(writer);
    const maps = avroCodecFor({ type: 'map', values: 'long' });
    skips.addWriterSchema(1, writer);
    reads.addWriterSchema(1, writer);
    maps.addWriterSchema(1, maps.schema);
    // 2^52 items; and a block whose count and length are negative.
    const counts = ['80808080808080 10', '01 ffffffffffffff7f 00'].map((hex) => hex.replaceAll(' ', ''));
    for (const count of counts) {
      const buffer = Buffer.from(`0000000001${count}`, 'hex');
      for (const codec of [skips, reads, maps]) undecodable(() => codec.decode(buffer));
    }
  });
});

describe('longs', () => {
  it('survive, or are refused with their own digits', () => {
    const long = avroCodecFor<number>({ type: 'long' } as object);
    long.addWriterSchema(1, long.schema);
    const bytesOf = (value: bigint) => {
      const bytes = [0, 0, 0, 0, 1];
      for (let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)); ; rest >>= 7n) {
        bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
        if (rest <= 0x7fn) return Buffer.from(bytes);
      }
    };
    const check = (value: bigint) => {
      const digits = new RegExp(`(^|[^-0-9])${value}(?![0-9])`);
      if (value < 2n ** 52n && value > -(2n ** 52n)) {
        assert.equal(BigInt(long.decode(bytesOf(value))), value);
        assert.deepEqual(long.encode(1, Number(value)), bytesOf(value));
        return;
      }
      assert.throws(() => long.decode(bytesOf(value)), { code: 'MR_AVRO_DECODE', message: digits });
      assert.throws(() => long.encode(1, value as never), { code: 'MR_AVRO_ENCODE', message: digits });
    };
    const edges = [0n, 2n ** 31n, 2n ** 52n, 2n ** 53n, 2n ** 63n - 1n].flatMap((edge) => [
      edge - 1n,
      edge,
      edge + 1n,
    ]);
    for (const edge of edges.filter((each) => each < 2n ** 63n))
      for (const each of [edge, -edge]) check(each);
    check(-(2n ** 63n));
    check(76561190000000017n);
    fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), check), { seed: testSeed });
  });
});

describe('evolution', () => {
  const record = (...fields: object[]) => ({ type: 'record', name: 'Thing', namespace: 'millrace', fields });
  const id = { name: 'id', type: 'string' };
  const colour = { name: 'colour', type: ['null', 'string'] };

  it('reads old values with the default of a field that was added', () => {
    const older = record(id);
    const newer = record(id, { ...colour, default: null }, { name: 'size', type: 'int', default: 3 });
    assert.equal(checkBackwardCompatible(newer, older), undefined);
    const codec = avroCodecFor(newer);
    codec.addWriterSchema(1, older);
    codec.addWriterSchema(2, newer);
    const old = avroCodecFor(older).encode(1, { id: 'a' });
    assert.deepEqual(codec.decode(old), { id: 'a', colour: null, size: 3 });
    const current = { id: 'b', colour: 'red', size: 4 };
    assert.deepEqual(codec.decode(codec.encode(2, current)), current);
    assert.deepEqual(codec.decode(old), { id: 'a', colour: null, size: 3 });
  });

  it('skips a field that was removed, and widens numbers', () => {
    const older = record(
      { name: 'n', type: 'int' },
      { name: 'tags', type: { type: 'array', items: 'string' } },
      id,
    );
    const codec = avroCodecFor(record({ name: 'n', type: 'double' }, id));
    codec.addWriterSchema(1, older);
    const old = avroCodecFor(older).encode(1, { n: 5, tags: ['x', 'y'], id: 'a' });
    assert.deepEqual(codec.decode(old), { n: 5, id: 'a' });
  });

  it('resolves within arrays, maps and unions', () => {
    const nested = (...fields: object[]) =>
      record(
        { name: 'list', type: { type: 'array', items: { type: 'record', name: 'Part', fields } } },
        { name: 'map', type: { type: 'map', values: 'millrace.Part' } },
        { name: 'maybe', type: ['null', 'millrace.Part'] },
      );
    const older = nested({ name: 'n', type: 'int' });
    const codec = avroCodecFor(
      nested({ name: 'n', type: 'long' }, { name: 's', type: 'string', default: '-' }),
    );
    codec.addWriterSchema(1, older);
    const old = avroCodecFor(older).encode(1, {
      list: [{ n: 1 }, { n: 2 }],
      map: { a: { n: 3 } },
      maybe: { n: 4 },
    });
    const part = (n: number) => ({ n, s: '-' });
    assert.deepEqual(codec.decode(old), { list: [part(1), part(2)], map: { a: part(3) }, maybe: part(4) });
  });

  it('refuses a field without a default, another type, and a symbol that went', () => {
    const older = record(id);
    const reason = checkBackwardCompatible(record(id, colour), older);
    assert.match(reason ?? '', /colour/);
    assert.notEqual(checkBackwardCompatible(record({ name: 'id', type: 'long' }), older), undefined);
    const state = (...symbols: string[]) => record({ name: 's', type: { type: 'enum', name: 'S', symbols } });
    assert.equal(checkBackwardCompatible(state('A', 'B'), state('A')), undefined);
    assert.notEqual(checkBackwardCompatible(state('A'), state('A', 'B')), undefined);
    assert.notEqual(
      checkBackwardCompatible(record(id), record({ name: 'id', type: ['null', 'string'] })),
      undefined,
    );
    assert.throws(() => avroCodecFor(record(id, colour)).addWriterSchema(1, older), {
      code: 'MR_SCHEMA_INCOMPATIBLE',
    });
  });

  it('holds for every schema of the house against itself', () => {
    for (const name of names)
      assert.equal(checkBackwardCompatible(avroSchema(name), avroSchema(name)), undefined);
  });

  it('refuses what is no schema', () => {
    for (const wrong of [{}, { type: 'record', name: 'R' }, { type: 'colour' }]) {
      assert.throws(() => checkBackwardCompatible(wrong, record(id)), { code: 'MR_SCHEMA_INVALID' });
    }
    const wrongDefault = record({ name: 'n', type: 'int', default: 'five' });
    assert.throws(() => avroCodecFor(wrongDefault), { code: 'MR_SCHEMA_INVALID' });
  });

  it('types follow from the topic', () => {
    const item: Item = {
      item_id: 'i1',
      type: 'movie',
      title: 'Toy Story',
      category: 'animation',
      tags: [],
      duration_ms: null,
      difficulty: null,
      language: null,
      available: true,
      age_limit: 0,
      countries: [],
      created: 0,
    };
    const codec = loaded(avroCodec(topics.items.schema));
    assert.equal(codec.decode(codec.encode(1, item)).title, 'Toy Story');
  });
});
