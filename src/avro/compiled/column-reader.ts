import type { Type } from 'avsc';
import { Reading } from './reader.ts';
import { isCompilable, type Schema } from './source.ts';

/** Takes the values of one type, a row each. */
export interface ValueColumn {
  putNull(row: number): void;
  putValue(row: number, value: unknown): void;
}

/** Takes texts as UTF-8. */
export interface TextColumn extends ValueColumn {
  putText(row: number, bytes: Buffer, start: number, end: number): void;
}

/** Takes lists, whose items are rows of a column of their own. */
export interface ListColumn extends ValueColumn {
  readonly items: ValueColumn;
  /** Items that there is room for. */
  readonly room: number;
  /** Items of all lists that were put. */
  readonly count: number;
  makeRoom(): void;
  /** Puts the list of the items from `count` up to `end`. */
  putItems(row: number, end: number): void;
}

export interface RecordColumn extends ValueColumn {
  readonly fields: ReadonlyMap<string, ValueColumn>;
}

/** Reads the value that lies from `start` up to `end` exactly into a row. */
export type ReadRow = (bytes: Buffer, start: number, end: number, row: number) => void;

/**
 * As compileReader, of records whose values go into columns, without an object in between. When it throws, some columns have
 * values of the row. A field without a column is passed over. By way of objects a snapshot takes 1.23 times the processor time
 * (`npm run bench -- snapshot` in pairs, decision 027).
 */
export function compileColumnReader(type: Type, columns: ReadonlyMap<string, ValueColumn>): ReadRow {
  if (!isCompilable(type)) throw new TypeError(`values of ${type} cannot be read into columns`);
  return new ColumnReader().compile(type, columns);
}

class ColumnReader {
  readonly #reading = new Reading();
  readonly #source = this.#reading.source;

  compile(type: Type, columns: ReadonlyMap<string, ValueColumn>): ReadRow {
    this.#record(type as Schema, columns, 'r');
    this.#source.add(`if (p !== e) ${this.#reading.otherwise}`);
    return this.#source.compile<ReadRow>('b, p, e, r');
  }

  /** Adds what reads a value at `p` into a row of a column. */
  #into(of: Type, column: ValueColumn, row: string): void {
    const type = of as Schema;
    switch (type.typeName) {
      case 'string':
        this.#text(column as TextColumn, row);
        break;
      case 'array':
        this.#list(type.itemsType, column as ListColumn, row);
        break;
      case 'record':
        this.#record(type, (column as RecordColumn).fields, row);
        break;
      case 'union:unwrapped':
        this.#union(type.types, column, row);
        break;
      case 'null':
        this.#source.add(`${this.#source.constant(column)}.putNull(${row});`);
        break;
      default: {
        const value = this.#reading.value(type);
        this.#source.add(`${this.#source.constant(column)}.putValue(${row}, ${value});`);
      }
    }
  }

  #text(column: TextColumn, row: string): void {
    const length = this.#reading.long();
    const source = this.#source;
    source.add(`if (!(${length} >= 0 && p + ${length} <= e)) ${this.#reading.otherwise}`);
    source.add(`${source.constant(column)}.putText(${row}, b, p, p += ${length});`);
  }

  #list(items: Type, list: ListColumn, row: string): void {
    const source = this.#source;
    const column = source.constant(list);
    const at = source.variable();
    source.add(`let ${at} = ${column}.count;`);
    this.#reading.blocks(() => {
      source.add(`if (${at} === ${column}.room) ${column}.makeRoom();`);
      this.#into(items, list.items, at);
      source.add(`${at}++;`);
    });
    source.add(`${column}.putItems(${row}, ${at});`);
  }

  #record({ fields }: Schema, columns: ReadonlyMap<string, ValueColumn>, row: string): void {
    for (const { name, type } of fields) {
      const column = columns.get(name);
      if (column === undefined) this.#reading.value(type);
      else this.#into(type, column, row);
    }
  }

  #union(types: readonly Type[], column: ValueColumn, row: string): void {
    const index = this.#reading.long();
    for (const [i, branch] of types.entries()) {
      this.#source.add(`${i === 0 ? '' : 'else '}if (${index} === ${i}) {`);
      this.#into(branch, column, row);
      this.#source.add('}');
    }
    this.#source.add(`else ${this.#reading.otherwise}`);
  }
}
