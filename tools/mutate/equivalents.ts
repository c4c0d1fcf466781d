/**
 * Mutants that change nothing anyone can see are marked on the line before, with the reason, and for all kinds or one:
 *
 *     // equivalent mutant: equal rows have been left out above
 *     // equivalent mutant (boundary): a timer at 0 is not set
 *
 * Comments may go on below the mark; it counts for the next line of code.
 */
import type { Kind } from './mutant.ts';

const mark = /^\s*\/\/ equivalent mutant(?: \((?<kind>[^)]+)\))?: (?<reason>\S.*)$/;

export function equivalentsOf(source: string): (line: number, kind: Kind) => string | undefined {
  const lines = source.split('\n');
  return (line, kind) => {
    for (let index = line - 2; index >= 0 && lines[index]?.trimStart().startsWith('//'); index--) {
      const { kind: only, reason } = mark.exec(lines[index] ?? '')?.groups ?? {};
      if (reason !== undefined && (only === undefined || only === kind)) return reason;
    }
    return undefined;
  };
}
