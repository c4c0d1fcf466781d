import type { Mutant } from './mutant.ts';
import type { Verdict } from './verdict.ts';

export type RoomReport = {
  readonly room: string;
  /** Mutants that the room has, without equivalents. */
  readonly mutants: number;
  readonly equivalents: readonly Mutant[];
  readonly verdicts: readonly Verdict[];
};

export type Report = {
  readonly seed: number;
  readonly rooms: readonly RoomReport[];
};

/** Survivors first, then a line a room, and one of all when there are several. */
export function render({ seed, rooms }: Report): string {
  const survivors = rooms.flatMap(({ verdicts }) => verdicts.filter(isAlive)).map(describe);
  const rates = rooms.map(({ room, mutants, equivalents, verdicts }) => {
    const marked = equivalents.length > 0 ? `, ${equivalents.length} marked as equivalent` : '';
    return `${room}: ${rate(verdicts)}, of ${mutants} mutants${marked}`;
  });
  const all = rooms.length > 1 ? [`all: ${rate(rooms.flatMap(({ verdicts }) => verdicts))}`] : [];
  return [...survivors, ...rates, ...all, `seed ${seed}`, ''].join('\n');
}

export function toJson({ seed, rooms }: Report): string {
  const plain = rooms.map(({ room, mutants, equivalents, verdicts }) => ({
    room,
    mutants,
    equivalents: equivalents.map(location),
    tried: verdicts.filter(({ outcome }) => outcome !== 'interrupted').length,
    killed: verdicts.filter(({ outcome }) => outcome === 'killed').length,
    verdicts: verdicts.map(({ mutant, ...verdict }) => ({ ...location(mutant), ...verdict })),
  }));
  return JSON.stringify({ seed, rooms: plain }, null, 2);
}

export function isAlive({ outcome }: Verdict): boolean {
  return outcome === 'survived' || outcome === 'not reached';
}

function describe({ mutant, outcome, passed, leftOut }: Verdict): string {
  const { path, line, kind, before, after } = mutant;
  const left = leftOut > 0 ? `, ${leftOut} left out for want of time` : '';
  const how = `${outcome === 'survived' ? `survived ${passed} test files` : 'no test reaches it'}${left}`;
  return `${path}:${line} ${kind}: ${how}\n  - ${before}\n  + ${after}\n`;
}

function rate(verdicts: readonly Verdict[]): string {
  const tried = verdicts.filter(({ outcome }) => outcome !== 'interrupted');
  const killed = tried.filter(({ outcome }) => outcome === 'killed').length;
  const percent = tried.length === 0 ? '' : ` (${((100 * killed) / tried.length).toFixed(0)}%)`;
  return `${killed} of ${tried.length} killed${percent}`;
}

function location({ path, line, column, kind, before, after, equivalent }: Mutant): object {
  return { path, line, column, kind, before, after, ...(equivalent !== undefined && { reason: equivalent }) };
}
