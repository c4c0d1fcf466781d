import { assertTimestamp, type TimeWindow } from './window.ts';
import { rowKey, type Windowed } from './windowed-key.ts';

/** A key's window on the grid, and the row that holds its state. */
export type GridWindow<K> = Windowed<K> & { readonly row: string };

/** The windows that a key's records from `fromMs` up to, not including, `untilMs` lie in, and the rows to read. */
export type Cell<K> = {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly windows: readonly GridWindow<K>[];
  readonly reads: { readonly windows: readonly string[]; readonly timers: readonly string[] };
};

const MAX_CACHED = 65_536;

/**
 * Tumbling and hopping windows on their grid. The cell that a key was last seen in is remembered: a record after another
 * in the same windows makes no row keys again, and stores find a string that they have hashed before.
 */
export class Grid<K> {
  readonly #window: TimeWindow;
  readonly #latest = new Map<string, Cell<K>>();

  constructor(window: TimeWindow) {
    this.#window = window;
  }

  /** The cell of a record; `text` is the key's. Errors: MR_RECORD_TIMESTAMP. */
  cell(key: K, text: string, timestamp: number): Cell<K> {
    const latest = this.#latest.get(text);
    if (latest !== undefined && timestamp >= latest.fromMs && timestamp < latest.untilMs) return latest;
    const cell = this.#cell(key, text, timestamp);
    if (this.#latest.size >= MAX_CACHED) this.#latest.clear();
    this.#latest.set(text, cell);
    return cell;
  }

  #cell(key: K, text: string, timestamp: number): Cell<K> {
    assertTimestamp(timestamp);
    const { sizeMs, advanceMs } = this.#window;
    const last = Math.floor(timestamp / advanceMs) * advanceMs;
    const first = Math.max(0, Math.floor((timestamp - sizeMs) / advanceMs) + 1) * advanceMs;
    const windows: GridWindow<K>[] = [];
    for (let startMs = first; startMs <= last; startMs += advanceMs) {
      windows.push({ key, startMs, endMs: startMs + sizeMs, row: rowKey(text, startMs) });
    }
    const rows = windows.map(({ row }) => row);
    return {
      fromMs: first === 0 ? last : Math.max(last, first + sizeMs - advanceMs),
      untilMs: Math.min(last + advanceMs, first + sizeMs),
      windows,
      reads: { windows: rows, timers: rows },
    };
  }
}
