import { KEY_COLUMNS, type StateRow, type StateTable } from '#log';
import type { FileState, Manifest, PartitionState, TableChanges } from './manifest.ts';

type Rows = Map<string, StateRow>;

/** What the manifests of a generation add up to, one after another. */
export class BackupState {
  source = '';
  /** Time of the base. */
  since = 0;
  at = 0;
  readonly partitions = new Map<number, PartitionState>();
  readonly tables = new Map<StateTable, Rows>();
  readonly files = new Map<string, FileState>();

  add(manifest: Manifest): void {
    const { log, files } = manifest;
    if (manifest.isBase) this.#clear(manifest);
    this.at = manifest.at;
    for (const partition of log.partitions) this.partitions.set(partition.id, partition);
    for (const id of log.removed) this.partitions.delete(id);
    for (const [table, changes] of Object.entries(log.tables)) {
      const rows = this.table(table as StateTable);
      for (const row of changes.removed) rows.delete(keyOf(table as StateTable, row));
      for (const row of changes.put) rows.set(keyOf(table as StateTable, row), row);
    }
    for (const path of files.removed) this.files.delete(path);
    for (const file of files.put) this.files.set(file.path, file);
  }

  /** One that goes on by itself. */
  copy(): BackupState {
    const state = new BackupState();
    state.source = this.source;
    state.since = this.since;
    state.at = this.at;
    for (const [id, partition] of this.partitions) state.partitions.set(id, partition);
    for (const [name, rows] of this.tables) state.tables.set(name, new Map(rows));
    for (const [path, file] of this.files) state.files.set(path, file);
    return state;
  }

  #clear({ source, at }: Manifest): void {
    for (const map of [this.partitions, this.tables, this.files]) map.clear();
    this.source = source;
    this.since = at;
  }

  table(name: StateTable): Rows {
    let rows = this.tables.get(name);
    if (rows === undefined) {
      rows = new Map();
      this.tables.set(name, rows);
    }
    return rows;
  }

  /** What makes of the table's rows so far those that it has now; undefined where nothing does. */
  changesTo(name: StateTable, now: readonly StateRow[]): TableChanges | undefined {
    const before = this.table(name);
    const put = now.filter((row) => !isSame(before.get(keyOf(name, row)), row));
    const keys = new Set(now.map((row) => keyOf(name, row)));
    const removed = [...before].filter(([key]) => !keys.has(key)).map(([, row]) => row);
    if (put.length === 0 && removed.length === 0) return undefined;
    return { put, removed: removed.map((row) => row.slice(0, KEY_COLUMNS[name])) };
  }
}

function keyOf(table: StateTable, row: StateRow): string {
  return JSON.stringify(row.slice(0, KEY_COLUMNS[table]));
}

function isSame(before: StateRow | undefined, row: StateRow): boolean {
  return before?.length === row.length && before.every((value, i) => value === row[i]);
}
