import type { DuckDBBlobValue } from '@duckdb/node-api';
import type { AnyView } from '#features';
import type { Interaction } from '#schemas';
import { archivedTable } from '../archived-tables.ts';
import type { AnalyticDatabase } from '../duckdb.ts';
import { duckDbApi } from '../duckdb-package.ts';
import {
  HISTORY_DECLARATION,
  type HistoryRow,
  historyColumns,
  leadingColumn,
  sqlName,
} from './history-tables.ts';

/** Events that are in memory at once; few, so that whoever else is on the thread gets on between them. */
const SLICE_ROWS = 2_048;

type Held = {
  state: unknown;
  /** Timestamp of the newest event in it; undefined before the first of this date. */
  at: number | undefined;
};

/**
 * The history of views, folded date by date in temporary tables: `rows_<view>_<version>` holds the rows of the dates since the last
 * `clearRows`, `carry_<view>_<version>` the newest state of every key.
 */
export class HistoryFold {
  readonly #database: AnalyticDatabase;
  readonly #views: readonly ViewFold[];

  private constructor(database: AnalyticDatabase, views: readonly ViewFold[]) {
    this.#database = database;
    this.#views = views;
  }

  /** `carry` returns a view's states to continue from, as a SELECT of (key, valid_from, state). */
  static async open(
    database: AnalyticDatabase,
    views: readonly AnyView[],
    carry: (view: AnyView) => string,
  ): Promise<HistoryFold> {
    const folds: ViewFold[] = [];
    for (const view of views) {
      const fold = new ViewFold(database, view);
      await fold.open(carry(view));
      folds.push(fold);
    }
    return new HistoryFold(database, folds);
  }

  /** Adds events, a SELECT with the columns of table `events`, that are newer than all before them. */
  async add(events: string): Promise<void> {
    for (const leading of ['user_id', 'item_id'] as const) {
      const views = this.#views.filter(({ view }) => leadingColumn(view) === leading);
      if (views.length > 0) await this.#addBy(leading, views, events);
    }
    for (const view of this.#views) await view.carry();
  }

  async clearRows(): Promise<void> {
    for (const { rows } of this.#views) await this.#database.run(`TRUNCATE ${rows}`);
  }

  /** Frees the tables' memory. */
  async close(): Promise<void> {
    for (const view of this.#views) await view.close();
  }

  async #addBy(leading: 'user_id' | 'item_id', views: readonly ViewFold[], events: string): Promise<void> {
    const { columns } = archivedTable('events');
    await this.#database.run(`CREATE OR REPLACE TEMP TABLE folding AS
      SELECT * FROM (${events}) WHERE ${leading} IS NOT NULL
      ORDER BY ${leading}, ts, log_partition, log_offset`);
    for (let start = 0; ; start += SLICE_ROWS) {
      const rows = await this.#database.allValueRows(
        `SELECT ${columns.selection} FROM folding WHERE rowid >= ${start} AND rowid < ${start + SLICE_ROWS} ORDER BY rowid`,
      );
      const slice = rows.map((row) => columns.record(row).value as Interaction);
      for (const view of views) await view.add(slice, leading);
      if (rows.length < SLICE_ROWS) break;
    }
    for (const view of views) await view.end();
    await this.#database.run('DROP TABLE folding');
  }
}

/** Table of the rows that a fold has made of a view. */
export function rowsTable(view: AnyView): string {
  return `rows_${sqlName(view)}_${view.version}`;
}

/** Table of the newest state of each key of a view. */
export function carryTable(view: AnyView): string {
  return `carry_${sqlName(view)}_${view.version}`;
}

class ViewFold {
  readonly view: AnyView;
  readonly rows: string;
  readonly #carry: string;
  /** The last row of each key since the states were carried over. */
  readonly #changed: string;
  readonly #wanted: string;
  readonly #database: AnalyticDatabase;
  /** The user or item whose events are being folded, and the states of the keys that they have reached. */
  #leading: string | undefined;
  readonly #held = new Map<string, Held>();
  #carried = 0;

  constructor(database: AnalyticDatabase, view: AnyView) {
    this.view = view;
    this.rows = rowsTable(view);
    this.#carry = carryTable(view);
    this.#changed = `changed_${sqlName(view)}_${view.version}`;
    this.#wanted = `wanted_${sqlName(view)}_${view.version}`;
    this.#database = database;
  }

  async open(carry: string): Promise<void> {
    await this.#database.run(`CREATE OR REPLACE TEMP TABLE ${this.#wanted} ("key" VARCHAR)`);
    for (const table of [this.rows, this.#changed, this.#carry]) {
      await this.#database.run(`CREATE OR REPLACE TEMP TABLE ${table} (${HISTORY_DECLARATION})`);
    }
    await this.#database.run(`INSERT INTO ${this.#carry} ${carry}`);
    await this.#count();
  }

  /** Takes events in order of their leading column and time. */
  async add(slice: readonly Interaction[], leading: 'user_id' | 'item_id'): Promise<void> {
    const { view } = this;
    const events = slice.filter((event) => view.filter(event));
    const keys = events.map((event) => view.key(event));
    const carried = await this.#carriedStates(keys);
    const made = new MadeRows();
    for (const [i, event] of events.entries()) {
      const of = event[leading] ?? '';
      if (of !== this.#leading) this.#release(made);
      this.#leading = of;
      const key = keys[i] as string;
      const held = this.#held.get(key) ?? { state: carried.get(key) ?? view.empty(), at: undefined };
      this.#held.set(key, held);
      if (held.at !== undefined && held.at !== event.ts) made.rows.push(this.#row(key, held));
      held.state = view.add(held.state, event);
      held.at = event.ts;
    }
    await this.#append(made);
  }

  /** No event follows. */
  async end(): Promise<void> {
    const made = new MadeRows();
    this.#release(made);
    await this.#append(made);
  }

  /** Takes the rows over into the states from which the next date goes on. */
  async carry(): Promise<void> {
    await this.#database.run(
      `DELETE FROM ${this.#carry} WHERE "key" IN (SELECT "key" FROM ${this.#changed})`,
    );
    await this.#database.run(`INSERT INTO ${this.#carry} FROM ${this.#changed}`);
    await this.#database.run(`TRUNCATE ${this.#changed}`);
    await this.#count();
  }

  async close(): Promise<void> {
    for (const table of [this.rows, this.#changed, this.#carry, this.#wanted]) {
      await this.#database.run(`DROP TABLE ${table}`);
    }
  }

  #row(key: string, { state, at }: Held): HistoryRow {
    return { key, at: at as number, state: this.view.encode(state) };
  }

  /** The last rows of the keys at hand: no event of theirs follows. */
  #release(made: MadeRows): void {
    for (const [key, held] of this.#held) {
      const row = this.#row(key, held);
      made.rows.push(row);
      made.last.push(row);
    }
    this.#held.clear();
  }

  /** The states with which keys that are not at hand have come into this date. */
  async #carriedStates(keys: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
    const missing = [...new Set(keys)].filter((key) => !this.#held.has(key));
    if (this.#carried === 0 || missing.length === 0) return new Map();
    await this.#database.run(`TRUNCATE ${this.#wanted}`);
    await this.#database.appendRows(this.#wanted, [{ type: duckDbApi().VARCHAR, of: (key) => key }], missing);
    const found = await this.#database.allValueRows(
      `SELECT "key", state FROM ${this.#carry} SEMI JOIN ${this.#wanted} USING ("key")`,
    );
    return new Map(
      found.map(([key, state]) => {
        const { bytes } = state as DuckDBBlobValue;
        return [key as string, this.view.decode(Buffer.from(bytes))];
      }),
    );
  }

  async #append({ rows, last }: MadeRows): Promise<void> {
    await this.#database.appendRows(this.rows, historyColumns(), rows);
    await this.#database.appendRows(this.#changed, historyColumns(), last);
  }

  async #count(): Promise<void> {
    this.#carried = await this.#database.number(`SELECT count(*) FROM ${this.#carry}`);
  }
}

/** What a slice of events has made: rows in their order, and those of them that are the last of their keys. */
class MadeRows {
  readonly rows: HistoryRow[] = [];
  readonly last: HistoryRow[] = [];
}
