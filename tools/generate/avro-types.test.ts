import assert from 'node:assert/strict';
import { it } from 'node:test';
import { typesFromAvro } from './avro-types.ts';

it('makes types of records, enums, unions, arrays, maps and bytes', () => {
  const nested = { type: 'enum', name: 'Colour', symbols: ['red', 'blue'] };
  const schema = {
    type: 'record',
    name: 'Thing',
    doc: 'A thing.',
    fields: [
      { name: 'id', type: 'string', doc: 'Its name.' },
      { name: 'colour', type: ['null', nested], default: null },
      { name: 'sizes', type: { type: 'map', values: { type: 'array', items: ['null', 'long'] } } },
      { name: 'raw', type: 'bytes' },
      { name: 'other', type: 'millrace.Colour' },
    ],
  };
  const expected = `
export type Colour = 'red' | 'blue';

/** A thing. */
export type Thing = {
  /** Its name. */
  id: string;
  colour: Colour | null;
  sizes: Record<string, (number | null)[]>;
  raw: Buffer;
  other: Colour;
};
`;
  assert.ok(typesFromAvro([schema]).includes(expected));
});
