import { createRequire } from 'node:module';
import type * as Onnxruntime from 'onnxruntime-node';

const require = createRequire(import.meta.url);
let loaded: typeof Onnxruntime | undefined;

/** Loaded at its first use: most threads run no graph. */
export function onnxruntime(): typeof Onnxruntime {
  if (loaded === undefined) {
    loaded = require('onnxruntime-node') as typeof Onnxruntime;
    // It would write to standard error what it also throws; what is thrown, we report ourselves.
    loaded.env.logLevel = 'fatal';
  }
  return loaded;
}
