/**
 * Runs the command lines that it is sent in this process, one after another: each import of main.ts under another name runs
 * one. Answers with what it has printed, and the exit code that it has left.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Printed } from './command-line.ts';

const main = join(import.meta.dirname, '../main.ts');
const [out, err] = [process.stdout.write, process.stderr.write];
let runs = 0;

async function run(args: readonly string[]): Promise<Printed> {
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
  try {
    await import(`${pathToFileURL(main).href}?${runs++}`);
    return { ...texts, code: Number(process.exitCode) };
  } finally {
    [process.stdout.write, process.stderr.write] = [out, err];
    process.exitCode = 0;
  }
}

process.on('message', (args: string[]) => void run(args).then((printed) => process.send?.(printed)));
