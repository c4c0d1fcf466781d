/**
 * `npm run evaluate -- NAME`: runs one evaluation, which prints one JSON line a figure on standard output. What each
 * measures and the last figures are in bench/README.md.
 */
import { readdirSync } from 'node:fs';

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => file.slice(0, -'.ts'.length));
const [name = ''] = process.argv.slice(2);

if (names.includes(name)) {
  const { run } = (await import(`./${name}.ts`)) as { run: () => Promise<void> };
  await run();
} else {
  const isHelp = name === '--help' || name === '-h';
  const usage = `usage: npm run evaluate -- NAME\nevaluations: ${names.join(', ')}\n`;
  (isHelp ? process.stdout : process.stderr).write(usage);
  process.exitCode = isHelp ? 0 : 2;
}
