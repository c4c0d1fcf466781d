import type { Log, TopicPartition } from '#log';
import { type Clock, createMetrics, type Logger } from '#platform';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import type { Database, DatabaseProvider } from '../store/port.ts';
import { MARKS_KEY, type Marks, OpenStore } from '../task/restore/open-store.ts';
import { Replay } from '../task/restore/replay.ts';
import type { StoreDefinition, Topology } from '../topology/topology.ts';
import { newestRows } from './changelog-rows.ts';
import { journalOf, type TaskPlace } from './journal-reader.ts';
import { isSamePosition, type TaskSnapshot } from './snapshot.ts';
import { compareRows, damaged, type StoreOnDisk } from './stores-on-disk.ts';

export type ChangelogOptions = {
  readonly log: Log;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the stores lie; undefined: only the changelogs are held against the journal. */
  readonly databases: DatabaseProvider | undefined;
  /** Where copies are built; in memory when absent. */
  readonly scratch?: DatabaseProvider;
  readonly signal?: AbortSignal;
};

/**
 * Holds a task's stores against what their changelogs make of them, where no journal goes back to their beginning: row by
 * row up to the offset that the store has come to, and the changelog's own digest against what the journal, as far as there
 * is one, says of a commit at the same offsets. Of a key that has a newer record the log may have compacted the one that
 * counted: of such rows nothing is said.
 */
export async function compareWithChangelogs(
  place: TaskPlace,
  options: ChangelogOptions,
): Promise<readonly StoreOnDisk[]> {
  const { name, subTopology } = place;
  const { databases, scratch = memoryDatabases(), signal } = options;
  let disk: Database | undefined;
  try {
    disk = await databases?.open(name);
    const [bytes] = (await disk?.getMany([MARKS_KEY])) ?? [];
    const marks = bytes ? (JSON.parse(bytes.toString()) as Marks) : undefined;
    const compared: Compared[] = [];
    for (const store of subTopology.stores) {
      signal?.throwIfAborted();
      const mark = marks?.stores[store.name];
      if (disk !== undefined && mark === undefined) continue;
      await scratch.destroy(name);
      const copy = await scratch.open(name);
      try {
        compared.push(await compareStore(place, store, { disk, copy, mark }, options));
      } finally {
        await copy.close();
        await scratch.destroy(name);
      }
    }
    return await heldAgainstJournal(place, compared, options);
  } catch (error) {
    return subTopology.stores.map((store) => damaged(store, error));
  } finally {
    await disk?.close();
  }
}

type Found = {
  readonly disk: Database | undefined;
  readonly copy: Database;
  readonly mark: Marks['stores'][string] | undefined;
};

type Compared = {
  readonly store: StoreDefinition;
  readonly result: StoreOnDisk;
  /** What the whole changelog makes; undefined where the store has not come to its end. */
  readonly whole?: Pick<TaskSnapshot, 'offsets'> & { readonly digest: string; readonly fingerprint: string };
};

async function compareStore(
  { partition }: TaskPlace,
  store: StoreDefinition,
  { disk, copy, mark }: Found,
  { log, clock, logger }: ChangelogOptions,
): Promise<Compared> {
  const { name, changelog } = store;
  const place = { topic: changelog, partition };
  const { start, stable } = await boundsOf(log, place);
  const until = mark?.offset ?? stable;
  if (until > stable) {
    const error = `it stands at offset ${until} of ${changelog}, which ends at ${stable}`;
    return { store, result: { name, result: 'different', error } };
  }
  const open = new OpenStore(store, copy, 0);
  open.offset = Math.min(start, until);
  const environment = { partition, log, clock, logger, metrics: createMetrics() };
  const replay = new Replay(open, copy, until, { isEmpty: true, isSuspect: true }, environment);
  await replay.run(async (chunks) => {
    for await (const changes of chunks) await copy.write([...changes]);
  });
  const { digest, values } = open.store;
  const isWhole = until === stable && (await boundsOf(log, place)).stable === stable;
  const { position } = open;
  const whole = isWhole &&
    position !== undefined && {
      whole: { offsets: position, digest: digest.toString(), fingerprint: values.fingerprint },
    };
  const compared = { store, ...whole };
  if (disk === undefined) return { ...compared, result: { name, result: 'unknown' } };
  const newer = until < stable ? await newestRows(log, place, until) : undefined;
  try {
    const result = await compareRows(store, disk, copy, (key) => newer?.has(key) === true);
    if (result.firstKey === undefined) return { ...compared, result };
    const record = (await newestRows(log, place)).get(result.firstKey);
    return {
      ...compared,
      result: { ...result, ...(record && { record: { ...place, offset: record.offset } }) },
    };
  } catch (error) {
    return { ...compared, result: damaged(store, error) };
  }
}

/** Compares with what the journal says of the commits that had read as far as each changelog's last record. */
async function heldAgainstJournal(
  place: TaskPlace,
  compared: readonly Compared[],
  { log, topology, signal }: ChangelogOptions,
): Promise<readonly StoreOnDisk[]> {
  const said = new Map<string, boolean>();
  for await (const { entry } of journalOf(log, topology, place, 0, { ...(signal && { signal }) })) {
    const offsets = Object.fromEntries(entry.inputs.map(({ topic, to }) => [topic, to]));
    for (const { store, whole } of compared) {
      if (whole === undefined || !isSamePosition(offsets, whole.offsets)) continue;
      const found = entry.stores.find(({ name }) => name === store.name);
      if (found?.fingerprint !== whole.fingerprint) continue;
      // Timers fire between two commits at the same offsets: one of them is it.
      said.set(store.name, said.get(store.name) === true || found.digest === whole.digest);
    }
  }
  return compared.map(({ store: { name, changelog }, result }) => {
    const isSaid = said.get(name);
    if (isSaid === false && result.result !== 'different')
      return { name, result: 'different', error: `${changelog} makes another digest than the journal has` };
    return isSaid === true && result.result === 'unknown' ? { name, result: 'equal' } : result;
  });
}

async function boundsOf(
  log: Log,
  { topic, partition }: TopicPartition,
): Promise<{ readonly start: number; readonly stable: number }> {
  const [description] = await log.describeTopics([topic]);
  return description?.offsets[partition] ?? { start: 0, stable: 0 };
}
