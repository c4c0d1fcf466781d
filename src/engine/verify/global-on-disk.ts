import type { Log } from '#log';
import { decodeLoading, type Topic } from '../serde.ts';
import { prefixRange, storePrefix } from '../store/database-keys.ts';
import type { Database, DatabaseProvider } from '../store/port.ts';
import { StoredValues } from '../store/stored-values.ts';
import { GLOBAL_MARKS_KEY, type GlobalTableMarks } from '../task/global/global-table.ts';
import { globalTopicsOf } from '../topology/node.ts';
import type { Topology } from '../topology/topology.ts';
import { newestRows } from './changelog-rows.ts';
import { damaged, type StoreOnDisk } from './stores-on-disk.ts';

/** The name under which a store without one lies. */
const NO_STORE = '';

/** The topics of a topology's global tables. */
export function globalTablesOf({ subTopologies }: Topology): readonly Topic<unknown, unknown>[] {
  return [...new Set(subTopologies.flatMap(({ nodes }) => globalTopicsOf(nodes)))];
}

/**
 * Holds a copy of a global table against its topic, row by row, up to the offsets that it has come to. Nothing is said of a
 * row that the topic has a newer record of, nor of one whose newest record can't be decoded, which the copy passes over.
 * Errors: MR_STORE_LOCKED while its process runs.
 */
export async function compareGlobalTable(
  topic: Topic<unknown, unknown>,
  name: string,
  { log, databases }: { readonly log: Log; readonly databases: DatabaseProvider },
): Promise<StoreOnDisk> {
  let database: Database | undefined;
  try {
    database = await databases.open(name);
    const [bytes] = await database.getMany([GLOBAL_MARKS_KEY]);
    if (!bytes) return { name, result: 'unknown', error: 'it says nowhere how far it has come' };
    const marks = JSON.parse(bytes.toString()) as GlobalTableMarks;
    const values = new StoredValues(NO_STORE, topic.value);
    if (marks.fingerprint !== values.fingerprint)
      return { name, result: 'unknown', error: 'its rows were read with another schema' };
    return await compare(topic, { name, marks, values, database, log });
  } catch (error) {
    return damaged({ name }, error);
  } finally {
    await database?.close();
  }
}

type Copy = {
  readonly name: string;
  readonly marks: GlobalTableMarks;
  readonly values: StoredValues<unknown>;
  readonly database: Database;
  readonly log: Log;
};

async function compare(
  topic: Topic<unknown, unknown>,
  { name, marks, values, database, log }: Copy,
): Promise<StoreOnDisk> {
  const expected = new Map<string, Buffer | null>();
  const unknown = new Set<string>();
  for (const [partition, reached] of marks.offsets.entries()) {
    for (const [key, { value, offset }] of await newestRows(log, { topic: topic.name, partition })) {
      // A key that has come from two partitions has the row that was read last.
      if (offset >= reached || expected.has(key) || !(await isReadable(topic, value))) unknown.add(key);
      expected.set(key, value);
    }
  }
  const wrong: string[] = [];
  for await (const chunk of database.scan(prefixRange(storePrefix(NO_STORE)))) {
    const found = await database.getMany(chunk.map((row) => row.key));
    for (const [i, row] of chunk.entries()) {
      const key = values.textOf(row.key);
      const value = expected.get(key);
      expected.delete(key);
      if (!unknown.has(key) && !(value && found[i]?.equals(value))) wrong.push(key);
    }
  }
  for (const [key, value] of expected) if (value !== null && !unknown.has(key)) wrong.push(key);
  const [firstKey] = wrong.sort();
  if (firstKey === undefined) return { name, result: 'equal' };
  return { name, result: 'different', rows: wrong.length, firstKey };
}

async function isReadable(topic: Topic<unknown, unknown>, value: Buffer | null): Promise<boolean> {
  try {
    if (value !== null) await decodeLoading(topic.value, value);
    return true;
  } catch {
    return false;
  }
}
