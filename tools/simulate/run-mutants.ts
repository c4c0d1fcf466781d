import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KEPT_SEEDS } from '#engine/testing';
import type { Find, Findings } from './hunt.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

const root = join(import.meta.dirname, '../..');

/** How long the unchanged tree has to pass before a failure proves anything; of processor time. */
const CONTROL_SECONDS = 20;
/** How many times as long as its processor time a hunt may take on a busy machine. */
const PATIENCE = 20;

const WIDEST_NAME = Math.max(...MUTANTS.map(({ name }) => name.length));

/**
 * Plants one mistake after the other in a copy of the tree and has the simulation look for it: gives whether each was
 * found, by its kept seeds too. One that survives means that the simulation is too weak; one whose kept seed is blind,
 * that another has to be kept. Ends early when `signal` aborts.
 */
export async function runMutants(
  limitSeconds: number,
  only: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const chosen = MUTANTS.filter(({ name }) => only === undefined || name.includes(only));
  const directory = mkdtempSync(join(tmpdir(), 'millrace-mutants-'));
  let [caught, blind] = [0, 0];
  try {
    for (const part of ['src', 'tools', 'package.json', 'tsconfig.json']) {
      cpSync(join(root, part), join(directory, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
    const control = await hunt(directory, undefined, CONTROL_SECONDS, signal);
    if (signal.aborted) return false;
    const failed = typeof control === 'string' ? control : (control.caught ?? control.otherwise)?.text;
    if (failed !== undefined) throw new Error(`without any mutant the simulation fails:\n${failed}`);
    for (const mutant of chosen) {
      const findings = await tryOut(mutant, directory, limitSeconds, signal);
      if (signal.aborted) break;
      console.log(`${mutant.name.padEnd(WIDEST_NAME)}  ${verdictOn(findings)}`);
      if (typeof findings === 'string') continue;
      if (findings.caught !== undefined) caught++;
      for (const { topology, seed } of findings.blind) {
        blind++;
        console.log(`  kept seed ${topology} ${seed} DOES NOT FIND IT any more: keep the one above`);
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  console.log(`${caught} of ${chosen.length} mutants caught`);
  return caught === chosen.length && blind === 0;
}

function verdictOn(findings: Findings | string): string {
  if (typeof findings === 'string') return `DIED: ${findings}`;
  const { caught, otherwise, processorMs } = findings;
  const time = `${(processorMs / 1_000).toFixed(1).padStart(5)} s of processor`;
  if (caught !== undefined) return `caught after ${time} by ${told(caught)}`;
  if (otherwise !== undefined) return `DIED, which proves nothing, in ${time}: ${told(otherwise)}`;
  return `SURVIVED ${time}`;
}

function told({ topology, seed, kind, text }: Find): string {
  return `${topology} seed ${seed} (${kind}): ${text.split('\n', 2).join(' ')}`;
}

/** What a hunt for the mutant finds; text, where the program itself ended otherwise: it does not compile, it hangs. */
async function tryOut(
  mutant: Mutant,
  directory: string,
  limitSeconds: number,
  signal: AbortSignal,
): Promise<Findings | string> {
  const { file, find, replace, name } = mutant;
  const path = join(directory, file);
  const original = readFileSync(path, 'utf8');
  if (original.split(find).length !== 2)
    throw new Error(`mutant "${name}" does not fit ${file} in one place any more`);
  writeFileSync(
    path,
    original.replace(find, () => replace),
  );
  try {
    return await hunt(directory, mutant, limitSeconds, signal);
  } finally {
    writeFileSync(path, original);
  }
}

function hunt(
  directory: string,
  mutant: Mutant | undefined,
  limitSeconds: number,
  signal: AbortSignal,
): Promise<Findings | string> {
  const kept = KEPT_SEEDS.filter((seed) => seed.mutant === mutant?.name);
  const shows = mutant?.shows ?? 'differs';
  const command = ['tools/simulate/hunt.ts', shows, String(limitSeconds), JSON.stringify(kept)];
  const options = {
    cwd: directory,
    signal,
    timeout: PATIENCE * limitSeconds * 1_000,
    maxBuffer: 64 * 1024 * 1024,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, command, options, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as Findings);
      else if (error.killed) resolve(`it ran for more than ${options.timeout / 1_000} s`);
      else resolve(stderr.trim() || `it ended with ${error.signal ?? error.code}`);
    });
  });
}
