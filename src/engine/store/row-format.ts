/** `endMs` is exclusive for tumbling and hopping windows, inclusive for others; unknown where the row does not say. */
export type RowWindow = { readonly startMs: number; readonly endMs?: number };

/** What a row of a store holds of one key, in one window where the store has windows. */
export type RowEntry = { readonly key: string; readonly window?: RowWindow; readonly value: unknown };

/** How a store with windows lays them out over rows: what queries read them by. */
export interface RowFormat {
  /**
   * The rows among which all windows of `key` are that start at `fromMs` or later and before `toMs`, both safe whole
   * numbers from 0: from the first text up to, not including, the second. Others may lie between.
   */
  windowRows(key: string, fromMs: number, toMs: number): readonly [from: string, to: string];
  /** The entries of a row, by window. */
  entries(row: string, value: unknown): Iterable<RowEntry>;
}
