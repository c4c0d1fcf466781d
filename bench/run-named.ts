import { join } from 'node:path';

/**
 * Runs the file of `directory` that the command line names: it exports `run`, which prints one JSON line a figure on
 * standard output. Prints the names that there are for --help, and with exit code 2 for any other.
 */
export async function runNamed(directory: string, command: string, names: readonly string[]): Promise<void> {
  const [name = ''] = process.argv.slice(2);
  if (names.includes(name)) {
    const { run } = (await import(join(directory, `${name}.ts`))) as { run: () => Promise<void> };
    return run();
  }
  const isHelp = name === '--help' || name === '-h';
  const usage = `usage: npm run ${command} -- NAME\nnames: ${names.join(', ')}\n`;
  (isHelp ? process.stdout : process.stderr).write(usage);
  process.exitCode = isHelp ? 0 : 2;
}
