import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { ROOMS } from './rooms.ts';

export type Arguments = {
  /** Empty: the rooms are listed. */
  readonly rooms: readonly string[];
  readonly sample: number | undefined;
  readonly seed: number;
  readonly seconds: number;
  readonly jobs: number;
  readonly json: boolean;
  readonly help: boolean;
};

const SAMPLE_OF_ALL = 200;

export const usage = `usage: npm run mutate -- ROOM... [options]

Plants one small mistake after the other in the rooms' files and runs the tests that reach it: mistakes that no test
notices are printed, and how many were noticed. A room is a folder or file of src/, or one of these; all of them: all

  ${ROOMS.join('\n  ')}

log/kafka is tested with servers only: set MILLRACE_SERVERS=1.

  --sample N   try N mutants by chance, over the rooms by their sizes (all: ${SAMPLE_OF_ALL}; else every mutant)
  --seed N     draw the same sample again; the seed is printed
  --seconds N  how long the tests of one mutant may take together (60); the nearest tests come first
  --jobs N     mutants at a time (half of the processors)
  --json       print the verdicts as JSON
  --help       print this

A mutant that changes nothing anyone can see is marked on the line before, and counted apart:
  // equivalent mutant: REASON        or, for one kind alone        // equivalent mutant (boundary): REASON

Ends with 0 whatever survives, 1 when something went wrong, 2 when the options are wrong, 130 when it was interrupted.
`;

/** `drawn`: the seed where none is given. Errors: an Error whose message says which option is wrong. */
export function readArguments(args: readonly string[], drawn: number): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      sample: { type: 'string' },
      seed: { type: 'string' },
      seconds: { type: 'string', default: '60' },
      jobs: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { sample, seed, seconds, jobs, json, help } = values;
  const isAll = positionals.includes('all');
  return {
    rooms: isAll ? ROOMS : positionals.map((room) => room.replace(/^src\/|\/$/g, '')),
    sample: sample === undefined ? (isAll ? SAMPLE_OF_ALL : undefined) : wholeOf('sample', sample),
    seed: seed === undefined ? drawn : wholeOf('seed', seed),
    seconds: wholeOf('seconds', seconds),
    jobs: jobs === undefined ? Math.max(1, availableParallelism() >> 1) : wholeOf('jobs', jobs),
    json,
    help,
  };
}

function wholeOf(option: string, text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number === 0) {
    throw new Error(`--${option} takes a whole number above 0, not ${JSON.stringify(text)}`);
  }
  return number;
}
