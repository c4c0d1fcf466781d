import type { Emit, Model, Row } from '../model.ts';
import { pairOf } from '../values.ts';
import { byDue } from './timers.ts';
import { VersionedRows } from './versions.ts';

export type StreamTableJoin = 'inner' | 'left';

function join(type: StreamTableJoin, { key, value, timestamp }: Row, right: string | null, emit: Emit): void {
  if (type === 'left' || right !== null) emit({ key, value: pairOf(value, right), timestamp });
}

/** Each record with the row as it stands. */
export function streamTableModel(type: StreamTableJoin): Model {
  const rows = new Map<string, string | null>();
  return {
    record: (row, _watermark, emit, fromSide) => {
      if (fromSide) rows.set(row.key, row.value);
      else if (row.value !== null) join(type, row, rows.get(row.key) ?? null, emit);
    },
  };
}

/** Each record with the row as of its time; with a grace, when the watermark has come so far past it. */
export function versionedJoinModel(
  type: StreamTableJoin,
  { historyMs, graceMs = 0 }: { readonly historyMs: number; readonly graceMs?: number },
): Model {
  const rows = new VersionedRows(historyMs);
  let waiting: Row[] = [];
  const joined = (row: Row, emit: Emit) => join(type, row, rows.asOf(row.key, row.timestamp), emit);
  return {
    record: (row, watermark, emit, fromSide) => {
      if (fromSide) rows.put(row.key, row.value, row.timestamp);
      else if (row.value !== null) {
        if (graceMs === 0 || watermark >= row.timestamp + graceMs) joined(row, emit);
        else waiting.push(row);
      }
    },
    advance: (watermark, emit) => {
      const isDue = ({ timestamp }: Row) => timestamp + graceMs <= watermark;
      const due = waiting.filter(isDue);
      waiting = waiting.filter((row) => !isDue(row));
      for (const row of due.sort(byDue(({ key, timestamp }) => [timestamp, key]))) joined(row, emit);
      rows.advance(watermark);
    },
    hold: () => Math.min(...waiting.map(({ timestamp }) => timestamp)),
  };
}
