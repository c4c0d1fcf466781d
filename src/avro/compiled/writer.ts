import type { Type } from 'avsc';
import { notCompiled, writers } from './bytes.ts';
import { isCompilable, type Schema, Source } from './source.ts';

/** Writes a value from `at` on; gives where it ends, behind the end of `bytes` where it has not room there. */
export type Write = (bytes: Buffer, at: number, value: unknown) => number;

/** Above this number of symbols a map finds one sooner than a comparison with each. */
const FEW_SYMBOLS = 8;

/** As compileReader: throws for values that are none of the schema's, and for some that are (where a default stands in). */
export function compileWriter(type: Type): Write | undefined {
  return isCompilable(type) ? new Writer().compile(type) : undefined;
}

class Writer {
  readonly #source = new Source();
  readonly #writers = this.#source.constant(writers);
  readonly #otherwise = `throw ${this.#source.constant(notCompiled)};`;

  compile(type: Type): Write {
    this.#write(type, 'v');
    this.#source.add('return p;');
    return this.#source.compile<Write>('b, p, v');
  }

  /** Adds what writes `value`, the name of a variable, at `p`. */
  #write(of: Type, value: string): void {
    const type = of as Schema;
    switch (type.typeName) {
      case 'null':
        this.#demand(`${value} === null`);
        break;
      case 'boolean':
        this.#demand(`typeof ${value} === 'boolean'`);
        this.#source.add(`b[p++] = ${value} ? 1 : 0;`);
        break;
      case 'int':
        this.#demand(`${value} === (${value} | 0)`);
        this.#long(value);
        break;
      case 'long':
        this.#long(value);
        break;
      case 'double':
        this.#call('double', value);
        break;
      case 'string':
        this.#call('text', value);
        break;
      case 'bytes':
        this.#call('bytes', value);
        break;
      case 'enum':
        this.#enum(type.symbols, value);
        break;
      case 'array':
        this.#array(type.itemsType, value);
        break;
      case 'map':
        this.#map(type.valuesType, value);
        break;
      case 'record':
        this.#record(type, value);
        break;
      default:
        this.#union(type, value);
    }
  }

  #demand(condition: string): void {
    this.#source.add(`if (!(${condition})) ${this.#otherwise}`);
  }

  #call(writer: keyof typeof writers, value: string): void {
    this.#source.add(`p = ${this.#writers}.${writer}(b, p, ${value});`);
  }

  /** Most take one byte. */
  #long(value: string): void {
    this.#source.add(
      `if (${value} >= 0 && ${value} < 64 && ${value} === (${value} | 0)) b[p++] = ${value} << 1;`,
    );
    this.#source.add('else');
    this.#call('long', value);
  }

  #enum(symbols: readonly string[], value: string): void {
    const index = this.#source.variable();
    if (symbols.length <= FEW_SYMBOLS) {
      const choices = symbols.map((symbol, i) => `${value} === ${JSON.stringify(symbol)} ? ${i} : `);
      this.#source.add(`const ${index} = ${choices.join('')}-1;`);
      this.#demand(`${index} >= 0`);
    } else {
      const indices = this.#source.constant(new Map(symbols.map((symbol, i) => [symbol, i])));
      this.#source.add(`const ${index} = ${indices}.get(${value});`);
      this.#demand(`${index} !== undefined`);
    }
    this.#long(index);
  }

  #array(items: Type, value: string): void {
    const [i, item] = [this.#source.variable(), this.#source.variable()];
    this.#demand(`Array.isArray(${value})`);
    this.#source.add(`if (${value}.length > 0) {`);
    this.#call('long', `${value}.length`);
    this.#source.add(`for (let ${i} = 0; ${i} < ${value}.length; ${i}++) { const ${item} = ${value}[${i}];`);
    this.#write(items, item);
    this.#source.add('}}');
    this.#source.add('b[p++] = 0;');
  }

  #map(values: Type, value: string): void {
    const [keys, i, each] = [this.#source.variable(), this.#source.variable(), this.#source.variable()];
    this.#demand(`typeof ${value} === 'object' && !Array.isArray(${value})`);
    this.#source.add(`const ${keys} = Object.keys(${value});`);
    this.#source.add(`if (${keys}.length > 0) {`);
    this.#call('long', `${keys}.length`);
    this.#source.add(
      `for (let ${i} = 0; ${i} < ${keys}.length; ${i}++) { const ${each} = ${value}[${keys}[${i}]];`,
    );
    this.#call('text', `${keys}[${i}]`);
    this.#write(values, each);
    this.#source.add('}}');
    this.#source.add('b[p++] = 0;');
  }

  #record({ fields }: Schema, value: string): void {
    for (const { name, type } of fields) {
      const field = this.#source.variable();
      this.#source.add(`const ${field} = ${value}[${JSON.stringify(name)}];`);
      this.#write(type, field);
    }
  }

  #union(type: Schema, value: string): void {
    for (const [i, branch] of type.types.entries()) {
      this.#source.add(`${i === 0 ? '' : 'else '}if (${isOf(branch as Schema, value)}) { b[p++] = ${2 * i};`);
      this.#write(branch, value);
      this.#source.add('}');
    }
    this.#source.add(`else ${this.#otherwise}`);
  }
}

/** Whether a value is meant for a branch of a union: branches of one kind of value are refused by avsc. */
function isOf({ typeName }: Schema, value: string): string {
  switch (typeName) {
    case 'null':
      return `${value} === null`;
    case 'boolean':
      return `typeof ${value} === 'boolean'`;
    case 'int':
    case 'long':
    case 'double':
      return `typeof ${value} === 'number'`;
    case 'string':
    case 'enum':
      return `typeof ${value} === 'string'`;
    case 'bytes':
      return `Buffer.isBuffer(${value})`;
    case 'array':
      return `Array.isArray(${value})`;
    default:
      return `typeof ${value} === 'object' && ${value} !== null && !Array.isArray(${value}) && !Buffer.isBuffer(${value})`;
  }
}
