/**
 * A WebAssembly assembler, as small as the kernels of this room need it: one memory, and functions over it. Code is a flat
 * list of bytes, so that a kernel reads as the list of its instructions. Opcodes: WebAssembly core specification 2.0,
 * "Binary format"; those of SIMD have the prefix 0xfd.
 */
export type Code = readonly number[];

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

/** Signed LEB128. */
function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest < -64 || rest > 63) {
    bytes.push((rest & 127) | 128);
    rest >>= 7;
  }
  return [...bytes, rest & 127];
}

const valueTypes = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValueType = keyof typeof valueTypes;

const simd = (opcode: number): number[] => [0xfd, ...leb(opcode)];
/** Alignment is a hint only: 2 says that addresses are multiples of four. */
const at = (offset: number): number[] => [2, ...leb(offset)];

export const getLocal = (local: number): Code => [0x20, ...leb(local)];
export const setLocal = (local: number): Code => [0x21, ...leb(local)];
export const i32Const = (value: number): Code => [0x41, ...signedLeb(value)];
/** [address, value] to nothing. */
export const i32Store = (offset: number): Code => [0x36, ...at(offset)];
export const i32Add: Code = [0x6a];
export const i32Sub: Code = [0x6b];
export const i32And: Code = [0x71];
export const i32ShiftLeft: Code = [0x74];
export const i32ShiftRightUnsigned: Code = [0x76];
export const i32Or: Code = [0x72];
export const i32IsZero: Code = [0x45];
export const i32LessUnsigned: Code = [0x49];
export const i32AtLeastUnsigned: Code = [0x4f];
/** [address] to the integer there. */
export const i32Load = (offset: number): Code => [0x28, ...at(offset)];
export const i32LoadByte = (offset: number): Code => [0x2d, 0, ...leb(offset)];
/** [address] to the float there. */
export const f32Load = (offset: number): Code => [0x2a, ...at(offset)];
/** [a, b] to 1 where a <= b, else 0; 0 for NaN. */
export const f32AtMost: Code = [0x5f];
export const f64Load = (offset: number): Code => [0x2b, ...at(offset)];
/** [address, value] to nothing. */
export const f64Store = (offset: number): Code => [0x39, ...at(offset)];
export const f64Add: Code = [0xa0];
/** [a, b, condition] to a where the condition is not 0, else b. */
export const select: Code = [0x1b];
/** [address, value] to nothing. */
export const f32Store = (offset: number): Code => [0x38, ...at(offset)];
export const f32Add: Code = [0x92];
/** [address] to four floats. */
export const v128Load = (offset: number): Code => [...simd(0), ...at(offset)];
/** [address, four floats or two doubles] to nothing. */
export const v128Store = (offset: number): Code => [...simd(11), ...at(offset)];
export const v128Zero: Code = [...simd(12), ...new Array<number>(16).fill(0)];
/** [address] to four copies of the 32 bits there. */
export const v128LoadSplat = (offset: number): Code => [...simd(9), ...at(offset)];
/** [address] to the eight signed bytes there, as integers of 16 bits. */
export const i16x8LoadBytes = (offset: number): Code => [...simd(1), 0, ...leb(offset)];
/** [a, b], integers of 16 bits, to a[2i] * b[2i] + a[2i + 1] * b[2i + 1]. */
export const i32x4Dot: Code = simd(186);
export const i32x4Add: Code = simd(174);
export const f32x4FromIntegers: Code = simd(250);
/** [float] to four copies. */
export const f32x4Splat: Code = simd(19);
/** [a, b] to lanes that are all ones where a >= b, else 0. */
export const f32x4AtLeast: Code = simd(70);
/** [lanes] to an integer with a bit for each that is negative; all ones is. */
export const i32x4SignBits: Code = simd(164);
export const f32x4Lane = (lane: number): Code => [...simd(31), lane];
export const f32x4Add: Code = simd(228);
export const f32x4Sub: Code = simd(229);
export const f32x4Mul: Code = simd(230);
export const f64x2Add: Code = simd(240);

/** Runs `body`, then `condition`, and again while it leaves a number other than 0. */
export const doWhile = (body: Code, condition: Code): Code => [
  0x03,
  0x40,
  ...body,
  ...condition,
  0x0d,
  0,
  0x0b,
];

/** [condition] to the integer that `yes` leaves where the condition is not 0, else the one of `no`. */
export const ifElse = (yes: Code, no: Code): Code => [0x04, 0x7f, ...yes, 0x05, ...no, 0x0b];

const section = (id: number, content: readonly number[]): number[] => [
  id,
  ...leb(content.length),
  ...content,
];
const name = (text: string): number[] => [...leb(text.length), ...Buffer.from(text)];

/** Pages of 64 KiB that 32 bits can address. */
export const MAX_PAGES = 65_536;

/** A memory of one page that the module exports as `memory`. */
const ownMemory = [...section(5, [1, 0, 1])];
/** One that threads share, imported as `memory.shared`. */
const sharedMemory = [...section(2, [1, ...name('memory'), ...name('shared'), 2, 3, 1, ...leb(MAX_PAGES)])];

export type WasmFunction = {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly result?: ValueType;
  /** After the parameters; zero at first. */
  readonly locals: readonly ValueType[];
  readonly body: Code;
};

const types = (of: readonly ValueType[]): number[] => [
  ...leb(of.length),
  ...of.map((type) => valueTypes[type]),
];
const list = (entries: readonly (readonly number[])[]): number[] => [
  ...leb(entries.length),
  ...entries.flat(),
];

/** A module that exports functions by their names, and its memory where that is its own. */
export function assembleFunctions(
  functions: readonly WasmFunction[],
  memory: 'own' | 'shared',
): Uint8Array<ArrayBuffer> {
  const signatures = functions.map(({ parameters, result }) => [
    0x60,
    ...types(parameters),
    ...types(result === undefined ? [] : [result]),
  ]);
  const bodies = functions.map(({ locals, body }) => {
    const code = [...list(locals.map((type) => [1, valueTypes[type]])), ...body, 0x0b];
    return [...leb(code.length), ...code];
  });
  const ownExport = memory === 'own' ? [[...name('memory'), 2, 0]] : [];
  const exported = functions.map((each, i) => [...name(each.name), 0, ...leb(i)]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // \0asm, version 1
    ...section(1, list(signatures)),
    ...(memory === 'shared' ? sharedMemory : []),
    ...section(3, list(functions.map((_, i) => leb(i)))),
    ...(memory === 'own' ? ownMemory : []),
    ...section(7, list([...ownExport, ...exported])),
    ...section(10, list(bodies)),
  ]);
}

/** A module with one function, which has no result. */
export const assembleModule = (
  functionName: string,
  parameters: readonly ValueType[],
  locals: readonly ValueType[],
  body: Code,
  memory: 'own' | 'shared' = 'own',
): Uint8Array<ArrayBuffer> => assembleFunctions([{ name: functionName, parameters, locals, body }], memory);
