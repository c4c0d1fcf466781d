import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants.ts';

export type Arguments = {
  readonly seconds: number;
  readonly seed: number;
  /** How many runs at most; absent: as many as there is time for, those of the kept seeds first. */
  readonly runs: number | undefined;
  readonly topology: string | undefined;
  readonly trace: boolean;
  readonly mutants: boolean;
  /** Part of the names of the mutants that are planted. */
  readonly only: string | undefined;
  readonly help: boolean;
};

export const usage = (topologies: readonly string[]) => `usage: npm run simulate -- [options]

Runs topologies under faults, seed after seed, each against an undisturbed run of the same input, and stops at the
first that differs.

  --seconds N      seconds of processor time to go on for (60), not of the clock on the wall, so that a busy machine
                   makes no fewer runs; with --mutants, for each
  --seed N         the first seed (1)
  --runs N         stop after N runs, and leave out the kept seeds, which otherwise come first
  --topology NAME  only this topology: ${topologies.join(', ')}
  --trace          print what happened in a run that failed
  --mutants        plant mistakes in a copy of the code, one after the other, and see that each is found, by its kept
                   seeds too
  --only TEXT      only the mutants that have TEXT in their name
  --help           print this

Ends with 0 when nothing was found, 1 when something was (with --mutants: when a mistake was not, or not
by a kept seed), 2 when the options
are wrong, 130 when it was interrupted.
`;

/** Errors: an Error whose message says which option is wrong. */
export function readArguments(args: readonly string[], topologies: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      runs: { type: 'string' },
      topology: { type: 'string' },
      trace: { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { seconds, seed, runs, topology, only, ...flags } = values;
  if (topology !== undefined && !topologies.includes(topology)) {
    throw new Error(`there is no topology ${topology}`);
  }
  if (only !== undefined && !flags.mutants) throw new Error('--only goes with --mutants');
  if (only !== undefined && !MUTANTS.some(({ name }) => name.includes(only))) {
    throw new Error(`no mutant has ${JSON.stringify(only)} in its name`);
  }
  return {
    ...flags,
    seconds: numberOf('seconds', seconds),
    seed: wholeOf('seed', seed),
    runs: runs === undefined ? undefined : wholeOf('runs', runs),
    topology,
    only,
  };
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number) || number <= 0)
    throw new Error(`--${option} takes a number above 0, not ${JSON.stringify(text)}`);
  return number;
}

function wholeOf(option: string, text: string): number {
  const number = numberOf(option, text);
  if (!Number.isSafeInteger(number)) throw new Error(`--${option} takes a whole number, not ${text}`);
  return number;
}
