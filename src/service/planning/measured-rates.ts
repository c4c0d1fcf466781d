import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { journalOf, journalTopic, placesOf, type Topology } from '#engine';
import type { Log } from '#log';

/** What this data directory has shown so far. */
export type MeasuredRates = {
  /** Records that a task takes in a second while it works; undefined where no commit was journalled. */
  readonly recordsPerSecond: number | undefined;
  /** Commits that this is of. */
  readonly commits: number;
  /** Bytes of the stores on this machine; undefined where there are none. */
  readonly stateBytes: number | undefined;
};

/** Journal entries looked at: the newest, of all tasks. */
const MOST_COMMITS = 20_000;
/** A commit is no shorter than the clock tells. */
const LEAST_MS = 1;

/** By the journal of the topology's tasks, as far as the log has it. Reads, and changes nothing. */
export async function measuredRates(
  log: Log,
  topology: Topology,
  stateDirectory: string,
  signal?: AbortSignal,
): Promise<MeasuredRates> {
  let records = 0;
  let ms = 0;
  let commits = 0;
  const journal = (await log.describeTopics()).find(({ name }) => name === journalTopic(topology).name);
  const from = Math.max(0, (journal?.offsets[0]?.stable ?? 0) - MOST_COMMITS);
  for (const place of placesOf(topology)) {
    for await (const { entry } of journalOf(log, topology, place, from, { ...(signal && { signal }) })) {
      const count = entry.steps.flatMap(({ runs }) => runs).reduce((sum, run) => sum + run.count, 0);
      const began = entry.steps.find(({ processed }) => processed)?.wallNow;
      if (count === 0 || began === undefined) continue;
      records += count;
      ms += Math.max(LEAST_MS, entry.committedAt - began);
      commits++;
    }
  }
  return {
    recordsPerSecond: commits === 0 ? undefined : Math.max(1, Math.round((records * 1_000) / ms)),
    commits,
    stateBytes: await bytesBelow(stateDirectory),
  };
}

async function bytesBelow(directory: string): Promise<number | undefined> {
  if (!existsSync(directory)) return undefined;
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    // A running process removes files meanwhile.
    if (entry.isFile())
      bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}
