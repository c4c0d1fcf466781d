/**
 * The simulated world of a data directory. `world.json` says which one it is, before its first event is written; how
 * much of it is there, the log says. So a start that was cut off is gone on with, and nothing is made twice.
 */
import { join } from 'node:path';
import { writeRecords } from '#engine';
import { type Progress, systemClock } from '#platform';
import { renamed, withPseudonyms } from '#privacy';
import { createWorld, type World, type WorldOptions, worldEvents } from '#simulator';
import type { Configuration } from './configuration.ts';
import { loadEvents, writtenUpToLast } from './event-load.ts';
import type { Installation } from './installation.ts';
import { readRecordFile, writeRecordFile } from './record-file.ts';

type WorldRecord = WorldOptions & {
  readonly events: number;
  /** Whether all of its events are in the log. */
  readonly made: boolean;
};

export type MadeWorld = {
  readonly world: World;
  /** Events written by this call: 0 when an earlier one had made all of them. */
  readonly written: number;
  readonly events: number;
};

/** Where others read the topics, nobody's users are invented unasked. */
export function isSimulated({ simulation, log }: Pick<Configuration, 'simulation' | 'log'>): boolean {
  return simulation.world === undefined ? log === 'embedded' : simulation.world === 'on';
}

/** A world whose record is in the data directory, all of it made or not. */
export type PlannedWorld = { readonly world: World; readonly record: WorldRecord };

/**
 * The world of the data directory; a new directory gets the one that the configuration describes, and from now on it has
 * it, whatever others write to the log. A directory with data of another origin (an import) has none, nor has one whose
 * world is switched off: undefined.
 */
export async function planWorld(installation: Installation): Promise<PlannedWorld | undefined> {
  const { configuration } = installation;
  if (configuration.simulation.world === 'off') return undefined;
  const path = recordPath(installation);
  const known = readRecordFile<WorldRecord>(path);
  const record = known ?? (await newWorld(installation));
  if (record === undefined) return undefined;
  if (known === undefined) writeRecordFile(path, record);
  return { world: createWorld(record), record };
}

/** Writes what the log does not have of it yet. */
export async function makeWorld(
  installation: Installation,
  { world, record }: PlannedWorld,
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<MadeWorld> {
  if (record.made) return { world, written: 0, events: record.events };
  const written = await writeWorld(installation, world, { ...record, progress, signal });
  writeRecordFile(recordPath(installation), { ...record, made: true });
  return { world, written, events: record.events };
}

function recordPath({ directory }: Pick<Installation, 'directory'>): string {
  return join(directory, 'world.json');
}

async function newWorld({ log, configuration }: Installation): Promise<WorldRecord | undefined> {
  if (!isSimulated(configuration)) return undefined;
  const described = await log.describeTopics(['interactions', 'users', 'items']);
  if (described.some(({ offsets }) => offsets.some(({ end }) => end > 0))) return undefined;
  // The last moments are silent, so that what came of every event is known by now.
  return {
    ...sizeOf(configuration),
    endsAt: systemClock.now() - configuration.examples.outcomeWindowMs,
    made: false,
  };
}

function sizeOf({ simulation }: Configuration): Omit<WorldRecord, 'endsAt' | 'made'> {
  const { seed, users, items, days, events } = simulation;
  return { seed, users, items, days, events };
}

type Making = { readonly events: number; readonly progress: Progress; readonly signal: AbortSignal };

async function writeWorld(
  installation: Installation,
  world: World,
  { events, progress, signal }: Making,
): Promise<number> {
  const { log, topics } = installation;
  const pseudonyms = await installation.pseudonyms();
  const tables = progress.start('Making the catalogue', world.userCount + world.items().length);
  const items = world.items().map((value) => ({ key: value.item_id, value, timestamp: value.created }));
  await writeRecords(log, topics.items, items);
  tables.advance(items.length);
  const named = await renamed(pseudonyms, [...world.users()]);
  const users = named.map((value) => ({ key: value.user_id, value, timestamp: value.created }));
  await writeRecords(log, topics.users, users);
  tables.advance(world.userCount);
  tables.done();

  const [first] = worldEvents(world, { events });
  // Ids begin with the world's own mark, which tells its events from posted and imported ones.
  const mark = `${first?.event_id.split('-')[0]}-`;
  const step = progress.start('Making events', events);
  const { written } = await loadEvents(installation, {
    events: withPseudonyms(pseudonyms, worldEvents(world, { events })),
    alreadyWritten: await writtenUpToLast(installation, ({ event_id }) => event_id.startsWith(mark)),
    completeUntil: () => world.endsAt + installation.configuration.examples.outcomeWindowMs,
    step,
    signal,
  });
  step.done();
  return written;
}
