/**
 * Runs that find a bug that there once was, each with what it was: they are run again before all others. A seed is the
 * same run only as long as nothing else changes; so each of these bugs is a mutant of tools/simulate as well, and
 * `--mutants` fails where a seed no longer finds its mutant, and names one that does.
 */
export type KeptSeed = {
  readonly topology: string;
  readonly seed: number;
  readonly found: string;
  /** The name of the mutant. */
  readonly mutant: string;
};

export const KEPT_SEEDS: readonly KeptSeed[] = [
  {
    topology: 'chained-tables',
    seed: 3,
    found:
      'a dead owner’s open transaction held the stable offset below what its successor had committed; a restore stopped there',
    mutant: 'a restore stops at the stable offset',
  },
  {
    topology: 'chained-windows',
    seed: 5,
    found: 'a store whose timers lay in a damaged block was never rebuilt: its process died at every start',
    mutant: 'a store with a damaged timer is never rebuilt',
  },
  {
    topology: 'ledger',
    seed: 63,
    found:
      'timers of a batch with a heartbeat at its end saw the heartbeat’s watermark behind an earlier record',
    mutant: 'a heartbeat counts for the records before it',
  },
  {
    topology: 'stream-joins',
    seed: 11,
    found:
      'a copy that had not followed for longer than its changelog keeps tombstones went on, and kept the rows that were gone',
    mutant: 'a copy goes on behind tombstones that are gone',
  },
  {
    topology: 'chained-windows',
    seed: 1,
    found:
      'a log put back to before the end of a transaction held its records as aborted ones; a store that had them was taken as it was',
    mutant: 'a store that was ahead of a log put back is taken',
  },
];
