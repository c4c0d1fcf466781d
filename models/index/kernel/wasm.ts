import { assembleFunctions, MAX_PAGES } from '../assembler.ts';
import type { Metric } from '../port.ts';
import type { Kernels, Memory, Platform } from './port.ts';
import { scoresFunction } from './scores.ts';
import { screenFunction } from './screen.ts';

const compiled = new Map<Metric, WebAssembly.Module>();

function moduleFor(metric: Metric): WebAssembly.Module {
  let module = compiled.get(metric);
  if (module === undefined) {
    module = new WebAssembly.Module(assembleFunctions([scoresFunction(metric), screenFunction()], 'shared'));
    compiled.set(metric, module);
  }
  return module;
}

export const wasmPlatform: Platform = {
  name: 'wasm',
  // Reserves addresses only; memory is taken as it grows.
  createMemory: () => new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true }),
  receiveMemory: (sent) => sent as Memory,
  sendMemory: (memory) => memory,
  kernels(metric, memory) {
    const shared = memory as WebAssembly.SharedMemory;
    return new WebAssembly.Instance(moduleFor(metric), { memory: { shared } }).exports as Kernels;
  },
};
