import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MUTANTS, type Mutant } from './mutants.ts';

const root = join(import.meta.dirname, '../..');

/** How long the unchanged tree has to pass before a failure proves anything. */
const CONTROL_SECONDS = 20;

type Verdict = {
  readonly seconds: number;
  /** Of them, those that the simulation had a processor for. */
  readonly ofProcessor: string;
  readonly isCaught: boolean;
  /** The run that failed, and what of it was the first to. */
  readonly by: string;
};

const WIDEST_NAME = Math.max(...MUTANTS.map(({ name }) => name.length));

/**
 * Plants one mistake after the other in a copy of the tree and has the simulation look for it: gives whether each was
 * found. One that survives means that the simulation is too weak. Ends early when `signal` aborts.
 */
export async function runMutants(
  limitSeconds: number,
  only: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const chosen = MUTANTS.filter(({ name }) => only === undefined || name.includes(only));
  const directory = mkdtempSync(join(tmpdir(), 'millrace-mutants-'));
  let caught = 0;
  try {
    for (const part of ['src', 'tools', 'package.json', 'tsconfig.json']) {
      cpSync(join(root, part), join(directory, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
    const control = await simulation(directory, CONTROL_SECONDS, signal);
    if (signal.aborted) return false;
    if (control.code !== 0) throw new Error(`without any mutant the simulation fails:\n${control.output}`);
    for (const mutant of chosen) {
      const { isCaught, seconds, ofProcessor, by } = await tryOut(mutant, directory, limitSeconds, signal);
      if (signal.aborted) break;
      if (isCaught) caught++;
      const time = `${seconds.toFixed(1).padStart(5)} s (${ofProcessor} s of processor)`;
      const verdict = isCaught ? `caught after ${time} by` : 'SURVIVED:';
      console.log(`${mutant.name.padEnd(WIDEST_NAME)}  ${verdict} ${by}`);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  console.log(`${caught} of ${chosen.length} mutants caught`);
  return caught === chosen.length;
}

async function tryOut(
  { file, find, replace, name }: Mutant,
  directory: string,
  limitSeconds: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const path = join(directory, file);
  const original = readFileSync(path, 'utf8');
  if (original.split(find).length !== 2)
    throw new Error(`mutant "${name}" does not fit ${file} in one place any more`);
  writeFileSync(
    path,
    original.replace(find, () => replace),
  );
  const start = performance.now();
  try {
    const { code, output } = await simulation(directory, limitSeconds, signal);
    const found = /FAILED (.*)\n(.*)/.exec(output);
    const by = found === null ? undefined : `${found[1]}: ${found[2]}`;
    // Whatever else ends the program (it does not compile, it hangs) proves nothing.
    const isCaught = code !== 0 && by !== undefined;
    return {
      isCaught,
      seconds: (performance.now() - start) / 1000,
      ofProcessor: /\(([\d.]+) s of processor\)/.exec(output)?.[1] ?? '?',
      by: by ?? output.trim().split('\n').at(-1) ?? '',
    };
  } finally {
    writeFileSync(path, original);
  }
}

function simulation(
  directory: string,
  limitSeconds: number,
  signal: AbortSignal,
): Promise<{ code: number; output: string }> {
  const command = ['tools/simulate/main.ts', '--seconds', String(limitSeconds)];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      command,
      { cwd: directory, signal, timeout: (limitSeconds + 30) * 1000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` }),
    );
  });
}
