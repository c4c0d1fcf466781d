/**
 * Runs command lines one after another in this process: each import of main.ts under another name runs one. Prints what
 * each has printed, and the exit code that it has left.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Printed } from './command-line.ts';

const main = join(import.meta.dirname, '../main.ts');
const [, , commands = '[]'] = process.argv;
const write = process.stdout.write.bind(process.stdout);
const printed: Printed[] = [];
for (const [i, args] of (JSON.parse(commands) as string[][]).entries()) {
  const texts = { out: '', err: '' };
  process.stdout.write = (text: string | Uint8Array) => {
    texts.out += String(text);
    return true;
  };
  process.stderr.write = (text: string | Uint8Array) => {
    texts.err += String(text);
    return true;
  };
  process.exitCode = 0;
  process.argv = [process.execPath, main, ...args];
  await import(`${pathToFileURL(main).href}?${i}`);
  printed.push({ ...texts, code: Number(process.exitCode) });
}
process.exitCode = 0;
write(JSON.stringify(printed));
