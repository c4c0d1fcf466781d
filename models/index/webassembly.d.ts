/** The part of the WebAssembly interface that this room uses; TypeScript has it only with the browser's types. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module, imports?: Readonly<Record<string, Readonly<Record<string, Memory>>>>);
    readonly exports: unknown;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  interface SharedMemory extends Memory {
    readonly buffer: ArrayBuffer & SharedArrayBuffer;
  }
  const Memory: {
    new (limits: { readonly initial: number; readonly maximum: number; readonly shared: true }): SharedMemory;
  };
}
