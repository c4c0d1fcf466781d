import type { RowFormat } from '../../store/row-format.ts';
import type { Timed, WindowState } from './state-serde.ts';
import { parseRowKey, rowKey } from './windowed-key.ts';

/** Rows of tumbling and hopping windows: one for each key and start. */
export function timeWindowRows(sizeMs: number): RowFormat {
  return {
    windowRows: (key, fromMs, toMs) => [rowKey(key, fromMs), rowKey(key, toMs)],
    entries: (row, state) => {
      const { key, startMs } = parseRowKey(row);
      return [{ key, window: { startMs, endMs: startMs + sizeMs }, value: (state as Timed<unknown>).value }];
    },
  };
}

/** Rows that hold all windows of a key: sessions, and sliding windows. */
export const windowListRows: RowFormat = {
  windowRows: (key) => [key, `${key}\u0000`],
  entries: (key, windows) =>
    (windows as readonly WindowState<unknown>[]).map(({ startMs, endMs, value }) => {
      return { key, window: { startMs, endMs }, value };
    }),
};
