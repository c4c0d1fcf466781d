/**
 * DLRM on one thread: a training step of 1,024 examples, embeddings and the building of the batch included; requests of 200
 * and 1,000 candidates; and tables of ten million rows, each with the memory that they take and what a checkpoint costs.
 * Examples are of 13 dense and 26 sparse features, as in Criteo's data, half of them of users and half of items, with
 * ids drawn evenly: every lookup misses the caches. `npm run bench -- dlrm [CASE...]`.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { cases } from './dlrm/cases.ts';
import type { Line } from './dlrm/run-case.ts';
import { printFigure } from './figure.ts';

export async function run(): Promise<void> {
  const named = process.argv.slice(3);
  for (const { name } of cases.filter((each) => named.length === 0 || named.includes(each.name))) {
    const script = join(import.meta.dirname, 'dlrm/run-case.ts');
    const output = execFileSync(process.execPath, [script, name], { encoding: 'utf8' });
    for (const line of JSON.parse(output) as Line[]) {
      printFigure({ bench: 'dlrm', ...line, case: `${name}, ${line.case}` });
    }
  }
}
