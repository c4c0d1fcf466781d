import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Type } from 'avsc';
import fc from 'fast-check';
import { avroSchema, type SchemaName, topics } from '#schemas';
import { avroType } from '../strict-types.ts';
import { arbitraryValue } from '../testing/arbitrary.ts';
import { assertTakesNothingElse } from '../testing/damaged.ts';
import { compileColumnReader, type ListColumn, type RecordColumn, type TextColumn } from './column-reader.ts';

/** Takes values of any type, and puts records and lists together again. */
class Column implements TextColumn, ListColumn, RecordColumn {
  readonly fields = new Fields();
  room = 1;
  count = 0;
  readonly #values: unknown[] = [];
  #items: Column | undefined;

  get items(): Column {
    this.#items ??= new Column();
    return this.#items;
  }

  putNull(row: number): void {
    this.putValue(row, null);
  }

  putValue(row: number, value: unknown): void {
    this.#values[row] = value;
  }

  putText(row: number, bytes: Buffer, start: number, end: number): void {
    this.putValue(row, bytes.toString('utf8', start, end));
  }

  putItems(row: number, end: number): void {
    assert.ok(end <= this.room);
    const { count, items } = this;
    this.putValue(
      row,
      Array.from({ length: end - count }, (_, i) => items.value(count + i)),
    );
    this.count = end;
  }

  makeRoom(): void {
    this.room++;
  }

  value(row: number): unknown {
    return row in this.#values ? this.#values[row] : this.fields.record(row);
  }
}

class Fields extends Map<string, Column> {
  override get(name: string): Column {
    const column = super.get(name) ?? new Column();
    this.set(name, column);
    return column;
  }

  record(row: number): object {
    return Object.fromEntries([...this].map(([name, column]) => [name, column.value(row)]));
  }
}

function opened(schema: object): { type: Type; read(bytes: Buffer, start: number, row: number): object } {
  const type = avroType(schema);
  const read = (bytes: Buffer, start: number, row: number) => {
    const fields = new Fields();
    compileColumnReader(type, fields)(bytes, start, bytes.length, row);
    return fields.record(row);
  };
  return { type, read };
}

const names: readonly SchemaName[] = [...new Set(Object.values(topics).map(({ schema }) => schema))];

for (const name of names) {
  const schema = avroSchema(name);

  it(`reads ${name} into columns as avsc does`, () => {
    const { type, read } = opened(schema);
    fc.assert(
      fc.property(arbitraryValue(schema), fc.nat(5), fc.nat(3), (value, at, row) => {
        const bytes = Buffer.concat([Buffer.alloc(at), type.toBuffer(value)]);
        assert.deepEqual(read(bytes, at, row), value);
      }),
      { numRuns: 30 },
    );
  });

  it(`takes nothing for ${name} that avsc does not`, () => {
    const { type, read } = opened(schema);
    assertTakesNothingElse(schema, type, (bytes) => read(bytes, 0, 0), 100);
  });
}

it('passes over what has no column', () => {
  const field = (name: string) => ({ name, type: ['null', { type: 'array', items: 'string' }] });
  const type = avroType({ type: 'record', name: 'Two', fields: [field('first'), field('second')] });
  const fields = new Map([['second', new Column()]]);
  const bytes = type.toBuffer({ first: ['a', 'b'], second: ['c'] });
  compileColumnReader(type, fields)(bytes, 0, bytes.length, 0);
  assert.deepEqual(fields.get('second')?.value(0), ['c']);
});

it('refuses a schema that it does not know', () => {
  const tree = { type: 'record', name: 'Tree', fields: [{ name: 'left', type: ['null', 'Tree'] }] };
  assert.throws(() => compileColumnReader(avroType(tree), new Map()), TypeError);
});
