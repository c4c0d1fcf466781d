import type { Type } from 'avsc';
import { cursor, notCompiled, readers } from './bytes.ts';
import { isCompilable, type Schema, Source } from './source.ts';

/** Returns the value that lies from `start` up to `end` exactly. */
export type Read = (bytes: Buffer, start: number, end: number) => unknown;

/**
 * A function that reads values of `type`, in which the schema's fields are written out: avsc calls a method for each field
 * and keeps its place in an object. It throws whatever is wrong with the bytes; what that is, avsc says, given the same.
 * Undefined for schemas with types that it does not know.
 */
export function compileReader(type: Type): Read | undefined {
  if (!isCompilable(type)) return undefined;
  const reading = new Reading();
  const { source } = reading;
  const value = reading.value(type);
  source.add(`if (p !== e) ${reading.otherwise}`);
  source.add(`return ${value};`);
  return source.compile<Read>('b, p, e');
}

/** The text of a function that reads values of `b` from `p` on. */
export class Reading {
  readonly source = new Source();
  readonly otherwise = `throw ${this.source.constant(notCompiled)};`;
  readonly #cursor = this.source.constant(cursor);
  readonly #readers = this.source.constant(readers);

  /** Adds what reads a value at `p`; gives an expression of it. */
  value(of: Type): string {
    const type = of as Schema;
    switch (type.typeName) {
      case 'null':
        return 'null';
      case 'boolean':
        return this.#let('b[p++] !== 0');
      case 'int':
        return this.#int();
      case 'long':
        return this.long();
      case 'double': {
        const value = this.#let(`${this.#readers}.double(b, p)`);
        this.source.add('p += 8;');
        return value;
      }
      case 'string':
        return this.#called('text');
      case 'bytes':
        return this.#called('bytes');
      case 'enum':
        return this.#enum(type.symbols);
      case 'array':
        return this.#array(type.itemsType);
      case 'map':
        return this.#map(type.valuesType);
      case 'record':
        return this.#record(type);
      default:
        return this.#union(type);
    }
  }

  #let(expression: string): string {
    const name = this.source.variable();
    this.source.add(`const ${name} = ${expression};`);
    return name;
  }

  /** What a function of `readers` reads. */
  #called(reader: keyof typeof readers): string {
    const value = this.#let(`${this.#readers}.${reader}(b, p)`);
    this.source.add(`p = ${this.#cursor}.at;`);
    return value;
  }

  #int(): string {
    const value = this.long();
    this.source.add(`if (${value} !== (${value} | 0)) ${this.otherwise}`);
    return value;
  }

  /** Adds what reads a long, most of which take one byte. */
  long(): string {
    const value = this.source.variable();
    this.source.add(`let ${value} = b[p];`);
    this.source.add(`if (${value} < 128) { ${value} = (${value} >> 1) ^ -(${value} & 1); p++; }`);
    this.source.add(`else { ${value} = ${this.#readers}.long(b, p); p = ${this.#cursor}.at; }`);
    return value;
  }

  #enum(symbols: readonly string[]): string {
    const index = this.long();
    const value = this.#let(`${this.source.constant(symbols)}[${index}]`);
    this.source.add(`if (${value} === undefined) ${this.otherwise}`);
    return value;
  }

  #array(items: Type): string {
    const values = this.#let('[]');
    this.blocks(() => {
      const item = this.value(items);
      this.source.add(`${values}.push(${item});`);
    });
    return values;
  }

  #map(type: Type): string {
    const values = this.#let('{}');
    this.blocks(() => {
      const key = this.#called('text');
      this.source.add(`if (${key} === '__proto__') ${this.otherwise}`);
      const value = this.value(type);
      this.source.add(`${values}[${key}] = ${value};`);
    });
    return values;
  }

  /** Adds what reads the items of an array or a map, which come in blocks. */
  blocks(item: () => void): void {
    const left = this.source.variable();
    const count = `${this.#readers}.count(b, p); p = ${this.#cursor}.at`;
    this.source.add(`for (let ${left};;) { ${left} = ${count}; if (${left} === 0) break;`);
    this.source.add(`for (; ${left} > 0; ${left}--) {`);
    item();
    this.source.add('}}');
  }

  #record({ fields }: Schema): string {
    const values = fields.map(({ name, type }) => `${JSON.stringify(name)}: ${this.value(type)}`);
    return this.#let(`{ ${values.join(', ')} }`);
  }

  #union(type: Schema): string {
    const index = this.long();
    const value = this.source.variable();
    this.source.add(`let ${value};`);
    for (const [i, branch] of type.types.entries()) {
      this.source.add(`${i === 0 ? '' : 'else '}if (${index} === ${i}) {`);
      const read = this.value(branch);
      this.source.add(`${value} = ${read}; }`);
    }
    this.source.add(`else ${this.otherwise}`);
    return value;
  }
}
