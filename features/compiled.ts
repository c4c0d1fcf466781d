/**
 * Functions made of the names that a view declares. Code that goes over the parts of any view by name is none that V8 can
 * specialise: each access looks the name up.
 */
import { invariant } from '#platform';
import type { Aggregation } from './aggregation.ts';
import type { CanonicalReader, CanonicalWriter } from './encoding.ts';

/** What the parts do together, over records that have a field for each. */
export type CompiledParts<State, Event, Values> = {
  empty(): State;
  /** Changes `state`. */
  add(state: State, event: Event): void;
  merge(a: State, b: State): State;
  encode(writer: CanonicalWriter, state: State): void;
  decode(reader: CanonicalReader): State;
  finish(state: State, now: number): Values;
};

/** In the order of `names`. */
export function compileParts<State, Event, Values>(
  names: readonly string[],
  parts: readonly Aggregation<unknown, Event, unknown>[],
): CompiledParts<State, Event, Values> {
  const constants = parts.map((_, i) => `p${i} = parts[${i}]`);
  const texts = names.map(literal);
  const record = (value: (i: number) => string) => `({${texts.map((text, i) => `${text}: ${value(i)}`)}})`;
  const each = (statement: (i: number) => string) => `{${texts.map((_, i) => statement(i)).join('; ')}}`;
  const field = (i: number) => `[${texts[i]}]`;
  const body = `'use strict'; const ${constants}; return {
    empty: () => ${record((i) => `p${i}.empty()`)},
    add: (state, event) => ${each((i) => `state${field(i)} = p${i}.add(state${field(i)}, event)`)},
    merge: (a, b) => ${record((i) => `p${i}.merge(a${field(i)}, b${field(i)})`)},
    encode: (writer, state) => ${each((i) => `p${i}.encode(writer, state${field(i)})`)},
    decode: (reader) => ${record((i) => `p${i}.decode(reader)`)},
    finish: (state, now) => ${record((i) => `p${i}.finish(state${field(i)}, now)`)},
  };`;
  return new Function('parts', body)(parts) as CompiledParts<State, Event, Values>;
}

/** Makes a record of as many values as there are names. */
export function compileRecord<Name extends string, Value>(
  names: readonly Name[],
): (values: readonly Value[]) => Record<Name, Value> {
  const fields = names.map((name, i) => `${literal(name)}: values[${i}]`);
  return new Function('values', `'use strict'; return {${fields}};`) as (
    values: readonly Value[],
  ) => Record<Name, Value>;
}

function literal(name: string): string {
  invariant(name !== '__proto__', 'no part of a record is called __proto__');
  return JSON.stringify(name);
}
