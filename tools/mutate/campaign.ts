/** Mutants of rooms, tried several at a time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { doorsAmong } from '../check/modules.ts';
import { readRepository } from '../check/repository.ts';
import { Baselines } from './baseline.ts';
import { ImportGraph } from './import-graph.ts';
import type { Mutant } from './mutant.ts';
import { mutantsOf } from './mutants-of.ts';
import type { Report, RoomReport } from './report.ts';
import { sourcesOf } from './rooms.ts';
import { sampleOf, sharesOf } from './sample.ts';
import { judge, type Verdict } from './verdict.ts';

export type Campaign = {
  readonly root: string;
  readonly rooms: readonly string[];
  /** How many mutants, over all rooms by their sizes; absent: all there are. */
  readonly sample?: number | undefined;
  readonly seed: number;
  /** For the tests of one mutant. */
  readonly limitMs: number;
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly onVerdict?: (verdict: Verdict, done: number, chosen: number) => void;
};

/** Ends early, with what it has, when `signal` aborts. Errors: an Error that names the room that is not there. */
export async function runCampaign(campaign: Campaign): Promise<Report> {
  const { root, rooms, seed, sample, signal } = campaign;
  const packageFile = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    imports?: Record<string, string>;
  };
  const files = readRepository(root).files.filter(({ path }) => /\.[jt]s$/.test(path));
  const doors = doorsAmong(
    files.map(({ path }) => path),
    packageFile.imports ?? {},
  );
  const graph = new ImportGraph(files, Object.fromEntries(doors));
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const found = rooms.map((room) => mutantsOfRoom(root, room, texts));
  const sizes = found.map(({ live }) => live.length);
  const shares = sample === undefined ? sizes : sharesOf(sizes, sample);
  const chosen = found.map(({ live }, index) => sampleOf(live, shares[index] ?? 0, seed + index));

  const baselines = new Baselines(root, graph, campaign.limitMs, signal);
  const verdicts = new Map<Mutant, Verdict>();
  const queue = chosen.flat().values();
  const work = async (): Promise<void> => {
    for (const mutant of queue) {
      if (signal.aborted) return;
      const verdict = await judge(mutant, texts.get(mutant.path) ?? '', graph.testsOf(mutant.path), {
        ...campaign,
        baselines,
      });
      if (verdict.outcome === 'interrupted') return;
      verdicts.set(mutant, verdict);
      campaign.onVerdict?.(verdict, verdicts.size, chosen.flat().length);
    }
  };
  await Promise.all(Array.from({ length: campaign.jobs }, work));

  return {
    seed,
    rooms: rooms.map(
      (room, index): RoomReport => ({
        room,
        mutants: found[index]?.live.length ?? 0,
        equivalents: found[index]?.equivalents ?? [],
        verdicts: (chosen[index] ?? []).flatMap((mutant) => verdicts.get(mutant) ?? []),
      }),
    ),
  };
}

function mutantsOfRoom(
  root: string,
  room: string,
  texts: ReadonlyMap<string, string>,
): { readonly live: readonly Mutant[]; readonly equivalents: readonly Mutant[] } {
  const paths = sourcesOf(root, room);
  if (paths === undefined) throw new Error(`src/ has no room ${room}`);
  const all = paths.flatMap((path) => mutantsOf(path, texts.get(path) ?? ''));
  return {
    live: all.filter(({ equivalent }) => equivalent === undefined),
    equivalents: all.filter(({ equivalent }) => equivalent !== undefined),
  };
}
