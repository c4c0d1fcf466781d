/** Instructions folded into expressions, so that a kernel reads as the formulas that it computes. */
import {
  type Code,
  f32x4Add,
  f32x4AtLeast,
  f32x4Mul,
  f32x4Sub,
  getLocal,
  i32Add,
  i32Const,
  i32Or,
  i32Sub,
  i32x4Add,
  i32x4Dot,
  setLocal,
  type ValueType,
} from '../assembler.ts';

const operation =
  (instruction: Code) =>
  (a: Code, b: Code): Code => [...a, ...b, ...instruction];

export const sum = operation(i32Add);
export const difference = operation(i32Sub);
export const either = operation(i32Or);
/** Lane by lane, of four floats. */
export const plus = operation(f32x4Add);
export const minus = operation(f32x4Sub);
export const times = operation(f32x4Mul);
export const atLeast = operation(f32x4AtLeast);
/** Of four integers. */
export const integersPlus = operation(i32x4Add);
export const pairProducts = operation(i32x4Dot);

export const integer = i32Const;

/** A parameter or local of a function. */
export type Variable = { readonly get: Code; set(value: Code): Code };

const variable = (number: number): Variable => ({
  get: getLocal(number),
  set: (value) => [...value, ...setLocal(number)],
});

/** Numbers the variables of a function, parameters first. */
export class Frame {
  readonly parameters: ValueType[] = [];
  readonly locals: ValueType[] = [];

  parameter(type: ValueType): Variable {
    return variable(this.parameters.push(type) - 1);
  }

  /** Declared after the parameters. */
  local(type: ValueType): Variable {
    return variable(this.parameters.length + this.locals.push(type) - 1);
  }

  locals4(type: ValueType): readonly [Variable, Variable, Variable, Variable] {
    return [this.local(type), this.local(type), this.local(type), this.local(type)];
  }
}

/** pointer += bytes */
export const advance = (pointer: Variable, bytes: number): Code =>
  pointer.set(sum(pointer.get, integer(bytes)));
