import { plainPlatform } from './fallback.ts';
import type { Platform } from './port.ts';
import { wasmPlatform } from './wasm.ts';

/** The fastest that this process has: `node --jitless` is without WebAssembly. */
export const defaultPlatform: Platform = typeof WebAssembly === 'object' ? wasmPlatform : plainPlatform;
