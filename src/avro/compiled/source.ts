import type { Type } from 'avsc';

/** What avsc's types have, each those of its kind. */
export type Schema = Type & {
  readonly typeName: string;
  readonly symbols: readonly string[];
  readonly itemsType: Type;
  readonly valuesType: Type;
  readonly types: readonly Type[];
  readonly fields: readonly { readonly name: string; readonly type: Type }[];
};

const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'double', 'string', 'bytes', 'enum']);
/** The indices of this many take one byte. */
const MOST_BRANCHES = 64;

/** Whether readers and writers can be compiled: for the types that schemas here have, none of them within itself. */
export function isCompilable(type: Type, within: readonly Type[] = []): boolean {
  const { typeName, fields, itemsType, valuesType, types } = type as Schema;
  if (PRIMITIVES.has(typeName)) return true;
  if (within.includes(type)) return false;
  const all = (parts: readonly Type[]) => parts.every((part) => isCompilable(part, [...within, type]));
  if (typeName === 'array') return all([itemsType]);
  if (typeName === 'map') return all([valuesType]);
  if (typeName === 'union:unwrapped') return types.length <= MOST_BRANCHES && all(types);
  if (typeName !== 'record') return false;
  return fields.every(({ name }) => name !== '__proto__') && all(fields.map((field) => field.type));
}

/**
 * The text of a function in the making, with the constants that it refers to. With avsc alone the engine's benchmark takes 1.06
 * times the processor time in T3, 1.12 when warm: `npm run bench -- engine T3` in pairs, decision 025.
 */
export class Source {
  readonly #statements: string[] = [];
  readonly #constants: unknown[] = [];
  #variables = 0;

  add(statement: string): void {
    this.#statements.push(statement);
  }

  /** A name that no other variable has. */
  variable(): string {
    return `v${this.#variables++}`;
  }

  /** A name for what is known before the function runs. */
  constant(value: unknown): string {
    this.#constants.push(value);
    return `c${this.#constants.length - 1}`;
  }

  compile<F>(parameters: string): F {
    const names = this.#constants.map((_, i) => `c${i}`);
    const body = `'use strict'; return (${parameters}) => {\n${this.#statements.join('\n')}\n};`;
    return new Function(...names, body)(...this.#constants) as F;
  }
}
