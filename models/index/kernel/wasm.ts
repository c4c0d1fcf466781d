import type { Metric } from '../port.ts';
import { bytes } from './kernels.wasm.ts';
import { type Kernels, MAX_PAGES, type Memory, type Platform } from './port.ts';

type Exports = {
  readonly innerProductsAt: Kernels['scoresAt'];
  readonly distancesAt: Kernels['scoresAt'];
  readonly screen: Kernels['screen'];
};

let compiled: WebAssembly.Module | undefined;

export const wasmPlatform: Platform = {
  name: 'wasm',
  // Reserves addresses only; memory is taken as it grows.
  createMemory: () => new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true }),
  receiveMemory: (sent) => sent as Memory,
  sendMemory: (memory) => memory,
  kernels(metric: Metric, memory) {
    compiled ??= new WebAssembly.Module(bytes);
    const shared = memory as WebAssembly.SharedMemory;
    const { exports } = new WebAssembly.Instance(compiled, { memory: { shared } });
    const { innerProductsAt, distancesAt, screen } = exports as Exports;
    return { scoresAt: metric === 'l2' ? distancesAt : innerProductsAt, screen };
  },
};
