/**
 * WebAssembly kernels: the bytes of `NAME.wat` go into `NAME.wasm.ts` beside it, a module, so that they are loaded and shipped
 * as code is. Whether they are those of the text is part of `npm run check`, as of all generated files.
 */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import wabt from 'wabt';

const { parseWat } = await wabt();

export function kernelModules(root: string): ReadonlyMap<string, string> {
  const texts = globSync('models/**/*.wat', { cwd: root }).sort();
  return new Map(
    texts.map((path) => [
      path.replace(/\.wat$/, '.wasm.ts'),
      kernelModule(path, readFileSync(join(root, path), 'utf8')),
    ]),
  );
}

/** Errors: where the text does not parse, or is not valid to the engine that runs it. */
function kernelModule(path: string, text: string): string {
  const parsed = parseWat(path, text, { simd: true, threads: true });
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  new WebAssembly.Module(Uint8Array.from(buffer));
  const base64 = Buffer.from(buffer).toString('base64');
  const comment = `/** Generated from ${basename(path)} by \`npm run generate\`. */`;
  return `${comment}\nexport const bytes = Uint8Array.fromBase64(\n  '${base64}',\n);\n`;
}
