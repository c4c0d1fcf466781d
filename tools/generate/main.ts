/** `npm run generate`: writes every generated file that is not as it has to be. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { kernelModules } from './kernels.ts';

const root = join(import.meta.dirname, '../..');

// What makes the other files loads the kernels.
write(kernelModules(root));
const { generatedFiles } = await import('./outputs.ts');
write(generatedFiles(root));

function write(files: ReadonlyMap<string, string>): void {
  for (const [path, content] of files) {
    const target = join(root, path);
    const current = readOrEmpty(target);
    if (current === content) continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    console.log(`wrote ${path}`);
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
